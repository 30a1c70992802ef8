-- Ends an operation in the dead letters: its row, the letter, and what must be published of both.
with dead as (
    update operations o
    set state = 'dead', problem = $3, wake_at = null, finished_at = now(), updated_at = now(),
        faults = o.faults || jsonb_build_array($7::jsonb || jsonb_build_object(
            'attempt', o.attempt, 'at', now(), 'worker', o.worker))
    where o.id = $1 and o.lease_token = $2 and o.state = 'running'
    returning o.*
), released as (
    delete from entity_leases l using dead d where l.operation = d.id returning l.entity
), next as (
    update operations o set wake_at = now(), relayed_at = null
    from released r cross join lateral (
        select p.id from operations p
        where p.entity = r.entity and p.parked_at is not null
        order by p.parked_at limit 1 for update skip locked) p
    where o.id = p.id
), letter as (
    insert into dead_letters (id, operation, service, topic, class, code, message, subject, headers,
                              body, sealed, faults, effects)
    select $4, d.id, d.service, d.topic, $5, $3 ->> 'code', $3 ->> 'message',
           'queue.' || d.service || '.' || d.topic,
           d.headers || jsonb_build_object('caller', d.caller), d.payload, $6, d.faults,
           coalesce((select jsonb_agg(jsonb_build_object('name', j.name, 'state', j.state,
                         'key', j.key, 'request', j.request, 'answer', j.answer, 'cause', j.cause,
                         'intended_at', j.intended_at, 'settled_at', j.settled_at)
                         order by j.first_at)
                     from journal j where j.operation = d.id and j.kind = 'effect'), '[]')
    from dead d
    returning *
)
insert into outbox (operation, kind, subject, payload)
select d.id, 'dead', 'dlq.' || d.service || '.' || d.topic,
       jsonb_build_object('dead_letter', l.id, 'operation', d.id, 'class', l.class, 'code', l.code,
           'message', l.message, 'subject', l.subject, 'headers', l.headers,
           'body', encode(l.body, 'base64'), 'sealed', l.sealed, 'faults', l.faults,
           'effects', l.effects, 'at', now())
from dead d, letter l
union all
select d.id, 'event', 'events.' || d.service || '.' || d.topic || '.dead',
       jsonb_build_object('operation', d.id, 'service', d.service, 'topic', d.topic,
           'outcome', 'dead', 'request_hash', d.request_hash, 'problem', d.problem, 'at', now())
from dead d
returning id, subject, payload
