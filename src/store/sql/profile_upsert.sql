-- Stores profiles whose version is newer than the stored one. An SSN comes with some versions only,
-- so it has a version of its own: the newest one that was told stays, in whatever order they come.
, wanted as (
    select f.op, p.*, case when p.ssn is not null then p.version end as ssn_version
    from fenced f
    cross join lateral jsonb_to_record(f.input) as p
        (id bigint, version bigint, user_id bigint, type text, person jsonb, ssn text,
         ssn_digits integer)
), stored as (
    insert into profiles as s (id, version, user_id, type, person, ssn, ssn_digits, ssn_version)
    select id, version, user_id, type, person, decode(ssn, 'base64'), ssn_digits, ssn_version
    from wanted
    on conflict (id) do update
        set (version, user_id, type, person) = (
                select * from (values
                    (s.version, s.user_id, s.type, s.person),
                    (excluded.version, excluded.user_id, excluded.type, excluded.person)
                ) as told (version, user_id, type, person)
                order by told.version desc limit 1),
            (ssn, ssn_digits, ssn_version) = (
                select * from (values
                    (s.ssn, s.ssn_digits, s.ssn_version),
                    (excluded.ssn, excluded.ssn_digits, excluded.ssn_version)
                ) as told (ssn, ssn_digits, ssn_version)
                order by told.ssn_version desc nulls last limit 1),
            updated_at = now()
        where s.version < excluded.version
           or coalesce(s.ssn_version, 0) < excluded.ssn_version
    returning s.id, s.version
), change as (
    select w.op,
           jsonb_build_object('id', w.id, 'applied', coalesce(s.version = w.version, false)) as result,
           null::jsonb as problem, null::jsonb as changed, null::jsonb as commands
    from wanted w left join stored s on s.id = w.id
)
