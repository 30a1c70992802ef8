-- Puts a dead letter aside for good; its operation ends as discarded.
with letter as (
    select * from dead_letters where id = $1 for update
), judged as (
    select l.*, case when l.state <> 'open' then 'it is ' || l.state || ' already' end as refusal
    from letter l
), ended as (
    update operations o set state = 'discarded', updated_at = now()
    from judged j where o.id = j.operation and j.refusal is null and o.state = 'dead'
), discarded as (
    update dead_letters d set state = 'discarded', updated_at = now()
    from judged j where d.id = j.id and j.refusal is null
), audited as (
    insert into audit (actor, action, dead_letter, operation, reason, before, after)
    select $2, 'discard', j.id, j.operation, $3, jsonb_build_object('state', j.state),
           jsonb_build_object('state', 'discarded')
    from judged j where j.refusal is null
)
select coalesce((select refusal from judged), case when not exists (select from letter)
           then 'there is no such dead letter' end) as refusal,
       null::jsonb as messages
