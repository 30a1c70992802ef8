-- Stores profiles whose version is newer than the stored one. An SSN that was given stays when a
-- later version comes without one.
, wanted as (
    select f.op, p.* from fenced f
    cross join lateral jsonb_to_record(f.input) as p
        (id bigint, version bigint, user_id bigint, type text, person jsonb, ssn text,
         ssn_digits integer)
), stored as (
    insert into profiles as s (id, version, user_id, type, person, ssn, ssn_digits)
    select id, version, user_id, type, person, decode(ssn, 'base64'), ssn_digits from wanted
    on conflict (id) do update
        set version = excluded.version, user_id = excluded.user_id, type = excluded.type,
            person = excluded.person, ssn = coalesce(excluded.ssn, s.ssn),
            ssn_digits = coalesce(excluded.ssn_digits, s.ssn_digits), updated_at = now()
        where s.version < excluded.version
    returning s.id
), change as (
    select w.op, jsonb_build_object('id', w.id, 'applied', s.id is not null) as result,
           null::jsonb as problem, null::jsonb as changed, null::jsonb as commands
    from wanted w left join stored s on s.id = w.id
)
