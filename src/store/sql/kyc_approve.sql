-- Notes the approval of profiles, and orders their wallets.
, approved as (
    update profiles p set kyc_status = 'approved', updated_at = now()
    from fenced f where p.id = (f.input ->> 'profile_id')::bigint
    returning f.op, p.id, p.type, p.user_id
), change as (
    select f.op,
           jsonb_build_object('profile_id', a.id, 'wallet', a.type <> 'sdira') as result,
           case when a.id is null then
               jsonb_build_object('code', 'profile_unknown', 'status', 404,
                   'message', 'the directory has not told of this profile yet') end as problem,
           (select jsonb_build_array(jsonb_build_object('object', 'profile', 'id', a.id,
                'identity', u.identity_id, 'user', u.id,
                'fields', jsonb_build_object('id', a.id, 'kyc_status', 'approved')))
            from users u where u.id = a.user_id) as changed,
           case when a.type <> 'sdira' then
               jsonb_build_array(jsonb_build_object('service', 'wallet', 'topic', 'wallet_create',
                   'key', a.id::text, 'payload', jsonb_build_object('profile_id', a.id)))
           end as commands
    from fenced f left join approved a on a.op = f.op
)
