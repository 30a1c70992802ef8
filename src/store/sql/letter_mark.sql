-- Notes what a person found out about an effect in doubt: with an answer it happened, without it did
-- not. After that the letter may be replayed.
with letter as (
    select * from dead_letters where id = $1 for update
), entry as (
    select j.* from journal j join letter l on j.operation = l.operation
    where j.name = $4 and j.kind = 'effect'
), judged as (
    select l.id, l.operation, case
        when l.state <> 'open' then 'it is ' || l.state || ' already'
        when not exists (select from entry) then 'the operation has no effect of that name'
        when (select state from entry) not in ('intended', 'unknown')
        then 'that effect is not in doubt: it is ' || (select state from entry)
        end as refusal
    from letter l
), marked as (
    update journal j
    set state = case when $5::jsonb is null then 'not_done' else 'done' end, answer = $5,
        settled_at = now()
    from judged d where j.operation = d.operation and j.name = $4 and d.refusal is null
), audited as (
    insert into audit (actor, action, dead_letter, operation, reason, before, after)
    select $2, 'mark', d.id, d.operation, $3, (select to_jsonb(e) from entry e),
           jsonb_build_object('effect', $4, 'answer', $5)
    from judged d where d.refusal is null
)
select coalesce((select refusal from judged), case when not exists (select from letter)
           then 'there is no such dead letter' end) as refusal,
       null::jsonb as messages
