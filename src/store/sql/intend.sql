-- Commits what is about to be done outside, before it is done. A later intent of the same effect
-- keeps the time of the first.
with wanted as (
    select * from unnest($1::uuid[], $2::bigint[], $3::text[], $4::integer[], $5::uuid[], $6::jsonb[])
        as w (operation, token, name, generation, key, request)
), fenced as (
    select w.* from wanted w join operations o on o.id = w.operation
    where o.lease_token = w.token and o.state = 'running'
    order by w.operation
    for share of o
)
insert into journal as j (operation, name, kind, state, generation, key, request, intended_at)
select operation, name, 'effect', 'intended', generation, key, request, now() from fenced
on conflict (operation, name) do update
    set state = 'intended', generation = excluded.generation, key = excluded.key,
        request = excluded.request, intended_at = now(), settled_at = null,
        first_at = case when excluded.generation = j.generation then j.first_at else now() end
returning j.operation
