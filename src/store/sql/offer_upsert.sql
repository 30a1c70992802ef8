-- Stores offers whose version is newer than the stored one.
, wanted as (
    select f.op, o.* from fenced f
    cross join lateral jsonb_to_record(f.input) as o
        (id bigint, version bigint, name text, status text, data jsonb)
), stored as (
    insert into offers as s (id, version, name, status, data)
    select id, version, name, status, data from wanted
    on conflict (id) do update
        set version = excluded.version, name = excluded.name, status = excluded.status,
            data = excluded.data, updated_at = now()
        where s.version < excluded.version
    returning s.id
), change as (
    select w.op, jsonb_build_object('id', w.id, 'applied', s.id is not null) as result,
           null::jsonb as problem, null::jsonb as changed, null::jsonb as commands
    from wanted w left join stored s on s.id = w.id
)
