-- Keeps an exchanged login under the handle that the browser gets.
, wanted as (
    select f.op, i.* from fenced f
    cross join lateral jsonb_to_record(f.input) as i
        (handle uuid, profile_id bigint, item_id text, access_token text, accounts jsonb)
), kept as (
    insert into plaid_items as p (handle, profile_id, item_id, access_token, accounts)
    select handle, profile_id, item_id, decode(access_token, 'base64'), accounts from wanted
    on conflict (item_id) do update set accounts = excluded.accounts
    returning p.handle, p.item_id, p.accounts
), change as (
    select w.op, jsonb_build_object('access_token', k.handle, 'accounts', k.accounts) as result,
           null::jsonb as problem, null::jsonb as changed, null::jsonb as commands
    from wanted w join kept k on k.item_id = w.item_id
)
