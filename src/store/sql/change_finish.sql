, agreed as (
    select f.*, c.result, c.changed, c.commands
    from fenced f join change c on c.op = f.op
    where c.problem is null
), finished as (
    update operations o
    set state = 'completed', result = coalesce(a.result -> 'answer', a.result), wake_at = null, finished_at = now(), updated_at = now()
    from agreed a where o.id = a.op
), released as (
    delete from entity_leases l using agreed a where l.operation = a.op returning l.entity
), next as (
    update operations o set wake_at = now(), relayed_at = null
    from released r cross join lateral (
        select p.id from operations p
        where p.entity = r.entity and p.parked_at is not null
        order by p.parked_at limit 1 for update skip locked) p
    where o.id = p.id
), told as (
    insert into outbox (operation, kind, subject, payload)
    select op, 'event', 'events.' || service || '.' || topic || '.completed',
           jsonb_build_object('operation', op, 'service', service, 'topic', topic,
               'outcome', 'completed', 'request_hash', request_hash,
               'result', coalesce(result -> 'answer', result),
               'changed', coalesce(changed, '[]'), 'at', now())
    from agreed
    returning id, operation, kind, subject, payload
), ordered as (
    insert into outbox (operation, kind, subject, payload)
    select op, 'command', 'queue.' || (c.command ->> 'service') || '.' || (c.command ->> 'topic'), c.command
    from agreed, jsonb_array_elements(agreed.commands) as c (command)
    returning id, operation, kind, subject, payload
)
select f.op, c.result, c.problem, c.op is not null as said,
       (select jsonb_agg(jsonb_build_object('id', m.id, 'kind', m.kind, 'subject', m.subject, 'payload', m.payload))
        from (select * from told union all select * from ordered) m where m.operation = f.op) as messages
from fenced f left join change c on c.op = f.op
