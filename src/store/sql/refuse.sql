-- Ends an operation that our own rules refuse.
with refused as (
    update operations o
    set state = 'refused', problem = $3, wake_at = null, finished_at = now(), updated_at = now()
    where o.id = $1 and o.lease_token = $2 and o.state = 'running'
    returning o.*
), released as (
    delete from entity_leases l using refused r where l.operation = r.id returning l.entity
), next as (
    update operations o set wake_at = now(), relayed_at = null
    from released r cross join lateral (
        select p.id from operations p
        where p.entity = r.entity and p.parked_at is not null
        order by p.parked_at limit 1 for update skip locked) p
    where o.id = p.id
)
insert into outbox (operation, kind, subject, payload)
select r.id, 'event', 'events.' || r.service || '.' || r.topic || '.refused',
       jsonb_build_object('operation', r.id, 'service', r.service, 'topic', r.topic,
           'outcome', 'refused', 'request_hash', r.request_hash, 'problem', r.problem, 'at', now())
from refused r
returning id, subject, payload
