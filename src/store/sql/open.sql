-- Opens operations: the inbox, the attempt count, the lease and the entity's lease in one commit.
-- An operation that is not there is inserted; one that is due, or whose worker gave no sign, is
-- taken over under a new token; any other stays as it is and says why.
--
-- One whose entity is busy is parked: it waits in its row, at no attempt, and whoever releases the
-- entity makes the one that has been parked longest due. The timer is for the case that nobody does:
-- the worker died, or the release and the parking crossed. Those in front look again soon.
with asked as (
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::text[], $6::text[],
                         $7::jsonb[], $8::bytea[])
        as a (id, service, topic, caller, request_hash, entity, headers, payload)
), known as (
    select o.* from asked a join operations o on o.id = a.id
), eligible as (
    select a.*, k.parked_at from asked a left join known k on k.id = a.id
    where k.id is null
       or (k.request_hash = a.request_hash and k.state in ('running', 'waiting') and k.wake_at <= now())
), locked as (
    insert into entity_leases as l (entity, operation, until)
    select entity, id, now() + $10 * interval '1 millisecond'
    from eligible e
    where entity is not null and not exists (
        -- its turn comes after those that were parked before it, unless they are due and do not come
        select from operations p
        where p.entity = e.entity and p.parked_at < coalesce(e.parked_at, now()) and p.id <> e.id
          and p.wake_at > now() - interval '2 seconds')
    order by entity
    on conflict (entity) do update set operation = excluded.operation, until = excluded.until
        where l.until <= now() or l.operation = excluded.operation
    returning l.operation
), free as (
    select *, entity is null or id in (select operation from locked) as mine from eligible
), opened as (
    insert into operations as o (id, service, topic, caller, request_hash, entity, headers, payload,
                                 state, attempt, lease_token, worker, wake_at, parked_at)
    select f.id, f.service, f.topic, f.caller, f.request_hash, f.entity, f.headers, f.payload,
           case when f.mine then 'running' else 'waiting' end, f.mine::integer,
           nextval('lease_tokens'), $9,
           now() + interval '1 millisecond' * case when f.mine then $10
               else least($10, 300 * (1 + (select count(*) from (
                   select from operations p
                   where p.entity = f.entity and p.parked_at is not null limit 100) x))) end,
           case when not f.mine then now() end
    from free f
    order by f.id
    on conflict (id) do update
        set state = excluded.state, attempt = o.attempt + excluded.attempt,
            lease_token = excluded.lease_token, worker = excluded.worker,
            wake_at = excluded.wake_at, relayed_at = null, updated_at = now(),
            parked_at = case when excluded.parked_at is not null
                             then coalesce(o.parked_at, excluded.parked_at) end
        where o.request_hash = excluded.request_hash
          and o.state in ('running', 'waiting') and o.wake_at <= now()
    returning o.id, o.attempt, o.lease_token, o.state
)
select a.id,
       case when p.state = 'running' then 'opened'
            when p.state = 'waiting' then 'parked'
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
