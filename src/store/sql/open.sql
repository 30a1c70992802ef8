-- Opens operations: the inbox, the attempt count, the lease and the entity's lease in one commit.
-- An operation that is not there is inserted; one that is due, or whose worker gave no sign, is
-- taken over under a new token; any other stays as it is and says why.
with asked as (
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::text[], $6::text[],
                         $7::jsonb[], $8::bytea[])
        as a (id, service, topic, caller, request_hash, entity, headers, payload)
), known as (
    select o.* from asked a join operations o on o.id = a.id
), eligible as (
    select a.* from asked a left join known k on k.id = a.id
    where k.id is null
       or (k.request_hash = a.request_hash and k.state in ('running', 'waiting') and k.wake_at <= now())
), locked as (
    insert into entity_leases as l (entity, operation, until)
    select entity, id, now() + $10 * interval '1 millisecond'
    from eligible where entity is not null
    order by entity
    on conflict (entity) do update set operation = excluded.operation, until = excluded.until
        where l.until <= now() or l.operation = excluded.operation
    returning l.operation
), opened as (
    insert into operations as o (id, service, topic, caller, request_hash, entity, headers, payload,
                                 state, attempt, lease_token, worker, wake_at)
    select e.id, e.service, e.topic, e.caller, e.request_hash, e.entity, e.headers, e.payload,
           'running', 1, nextval('lease_tokens'), $9, now() + $10 * interval '1 millisecond'
    from eligible e
    where e.entity is null or e.id in (select operation from locked)
    order by e.id
    on conflict (id) do update
        set state = 'running', attempt = o.attempt + 1, lease_token = excluded.lease_token,
            worker = excluded.worker, wake_at = excluded.wake_at, relayed_at = null,
            updated_at = now()
        where o.request_hash = excluded.request_hash
          and o.state in ('running', 'waiting') and o.wake_at <= now()
    returning o.id, o.attempt, o.lease_token
)
select a.id,
       case when p.id is not null then 'opened'
            when k.id is null then 'contended'
            when k.request_hash <> a.request_hash then 'conflict'
            when k.state not in ('running', 'waiting') then 'finished'
            when k.wake_at <= now() then 'contended'
            when k.state = 'running' then 'held'
            else 'early' end as verdict,
       p.attempt, p.lease_token,
       k.state, k.result, k.problem, k.created_at,
       case when p.id is not null and k.id is not null then
           (select jsonb_agg(jsonb_build_object(
                'name', j.name, 'kind', j.kind, 'state', j.state, 'generation', j.generation,
                'key', j.key, 'request', j.request, 'answer', j.answer, 'cause', j.cause,
                'age_ms', (extract(epoch from now() - j.intended_at) * 1000)::bigint,
                'uncertain_ms', (extract(epoch from now() - j.first_at) * 1000)::bigint))
            from journal j where j.operation = a.id)
       end as journal
from asked a
left join opened p on p.id = a.id
left join known k on k.id = a.id
