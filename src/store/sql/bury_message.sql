-- A message that can not become an operation: undecodable, or of a topic that nobody knows.
-- The same message makes one letter, however often it is delivered.
with letter as (
    insert into dead_letters (id, operation, service, topic, class, code, message, subject, headers,
                              body, sealed, faults, effects)
    values ($1, null, $2, $3, $4, $5, $6, $7, $8, $9, $10, '[]', '[]')
    on conflict (id) do nothing
    returning *
)
insert into outbox (operation, kind, subject, payload)
select l.id, 'dead', 'dlq.' || l.service || '.' || l.topic,
       jsonb_build_object('dead_letter', l.id, 'class', l.class, 'code', l.code,
           'message', l.message, 'subject', l.subject, 'headers', l.headers,
           'body', encode(l.body, 'base64'), 'sealed', l.sealed, 'faults', l.faults,
           'effects', l.effects, 'at', now())
from letter l
returning id, subject, payload
