-- Brings wallets to what Dwolla says of their customers, forward only: `from` lists the statuses
-- that the new one may follow.
, wanted as (
    select f.op, a.* from fenced f
    cross join lateral jsonb_to_record(f.input) as a
        (wallet_id bigint, customer_id text, balance_id text, status text, "from" text[],
         retried boolean)
), applied as (
    update wallets w
    set status = case when w.status = any (a."from") then a.status else w.status end,
        dwolla_customer_id = coalesce(w.dwolla_customer_id, a.customer_id),
        dwolla_balance_id = coalesce(a.balance_id, w.dwolla_balance_id),
        retried_at = case when a.retried then coalesce(w.retried_at, now()) else w.retried_at end,
        updated_at = now()
    from wanted a where w.id = a.wallet_id
    returning a.op, w.id, w.owner_kind, w.owner_id, w.status, wallet_row(w) as row
), change as (
    select f.op, jsonb_build_object('id', a.id, 'status',
               case a.status when 'pending' then 'created' else a.status end) as result,
           case when a.id is null then jsonb_build_object('code', 'not_found', 'status', 404,
               'message', 'Not found.') end as problem,
           jsonb_build_array(changed('wallet', a.id, a.id, a.row))
           || case when a.owner_kind = 'profile' then jsonb_build_array(
                  changed('profile', a.owner_id, a.id, jsonb_build_object('id', a.owner_id,
                      'wallet', jsonb_build_object('id', a.id, 'status', a.status))))
              else '[]' end as changed,
           null::jsonb as commands
    from fenced f left join applied a on a.op = f.op
)
