-- Sends a dead letter back. The operation keeps its id, its journal and its partner keys; attempts
-- count anew. A message that never became an operation goes back as it was.
with letter as (
    select * from dead_letters where id = $1 for update
), judged as (
    select l.*, case
        when l.state <> 'open' then 'it is ' || l.state || ' already'
        when l.class = 'unknown_topic' then 'no worker knows its topic'
        when l.class = 'ambiguous'
             and exists (select from journal j where j.operation = l.operation
                           and j.kind = 'effect' and j.state in ('intended', 'unknown'))
        then 'an effect is in doubt: find out at the partner, then `tranche dlq mark`'
        end as refusal
    from letter l
), revived as (
    update operations o
    set state = 'waiting', wake_at = now(), relayed_at = now(), attempt = 0,
        problem = null, finished_at = null, updated_at = now()
    from judged j where o.id = j.operation and j.refusal is null and o.state = 'dead'
    returning o.id
), replayed as (
    update dead_letters d set state = 'replayed', updated_at = now()
    from judged j where d.id = j.id and j.refusal is null
    returning d.id
), sent as (
    insert into outbox (operation, kind, subject, payload)
    select coalesce(j.operation, j.id), 'replay', j.subject,
           jsonb_build_object('headers', j.headers - 'caller', 'caller', j.headers -> 'caller',
               'body', encode(j.body, 'base64'), 'sealed', j.sealed)
    from judged j where j.refusal is null
    returning id, kind, subject, payload
), audited as (
    insert into audit (actor, action, dead_letter, operation, reason, before, after)
    select $2, 'replay', j.id, j.operation, $3, jsonb_build_object('state', j.state),
           jsonb_build_object('state', 'replayed')
    from judged j where j.refusal is null
)
select coalesce((select refusal from judged), case when not exists (select from letter)
           then 'there is no such dead letter' end) as refusal,
       (select jsonb_agg(to_jsonb(s)) from sent s) as messages
