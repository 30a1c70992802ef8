-- Stores users whose version is newer than the stored one.
, wanted as (
    select f.op, u.* from fenced f
    cross join lateral jsonb_to_record(f.input) as u
        (id bigint, version bigint, identity_id uuid, email text, first_name text, last_name text)
), stored as (
    insert into users as s (id, version, identity_id, email, first_name, last_name)
    select id, version, identity_id, email, first_name, last_name from wanted
    on conflict (id) do update
        set version = excluded.version, identity_id = excluded.identity_id, email = excluded.email,
            first_name = excluded.first_name, last_name = excluded.last_name, updated_at = now()
        where s.version < excluded.version
    returning s.id
), change as (
    select w.op, jsonb_build_object('id', w.id, 'applied', s.id is not null) as result,
           null::jsonb as problem, null::jsonb as changed, null::jsonb as commands
    from wanted w left join stored s on s.id = w.id
)
