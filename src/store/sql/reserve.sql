-- Begins movements: checks under the wallet's lock that it may, writes the row, and posts the
-- beginning. What a beginning posts comes from the domain's table.
, wanted as (
    select f.op, r.* from fenced f
    cross join lateral jsonb_to_record(f.input) as r
        (type text, status text, amount numeric, wallet_id bigint, funding_source_id bigint,
         other_wallet_id bigint, investment_id bigint, transfer_limit numeric, needs_funds boolean,
         source jsonb, dest jsonb)
), purse as (
    select w.op, p.id, p.status, p.frozen, p.balance - p.out_balance as available,
           p.dwolla_customer_id, p.dwolla_balance_id
    from wanted w join wallets p on p.id = w.wallet_id
    order by p.id
    for update of p
), bank as (
    select w.op, s.id, s.dwolla_id, s.status
    from wanted w join funding_sources s on s.id = w.funding_source_id and s.wallet_id = w.wallet_id
    for share of s
), other as (
    select w.op, p.id, p.status, p.dwolla_balance_id
    from wanted w join wallets p on p.id = w.other_wallet_id
), judged as (
    select w.*, p.dwolla_customer_id, p.dwolla_balance_id, b.dwolla_id as bank_dwolla_id,
           o.dwolla_balance_id as other_balance_id,
           case
        when p.id is null then jsonb_build_object('code', 'not_found', 'status', 404,
            'message', 'Not found.')
        when p.status <> 'verified' then jsonb_build_object('code', 'wallet_not_verified',
            'status', 412, 'message', 'the wallet is not verified: it can not move money yet')
        when p.frozen then jsonb_build_object('code', 'wallet_frozen', 'status', 409,
            'message', 'the wallet is frozen after a returned payment: please contact support')
        when w.amount > w.transfer_limit then jsonb_build_object('code', 'above_transfer_limit',
            'status', 400, 'message', 'the amount is above the limit of one transfer',
            'fields', jsonb_build_object('amount', jsonb_build_array(
                'less than or equal to ' || w.transfer_limit)))
        when w.other_wallet_id is null and b.id is null then jsonb_build_object(
            'code', 'unknown_bank_account', 'status', 400,
            'message', 'the bank account is not linked to this wallet',
            'fields', jsonb_build_object('funding_source_id',
                jsonb_build_array('the bank account is not linked to this wallet')))
        when w.other_wallet_id is null and b.status <> 'verified' then jsonb_build_object(
            'code', 'bank_account_not_verified', 'status', 400,
            'message', 'the bank account is not verified',
            'fields', jsonb_build_object('funding_source_id',
                jsonb_build_array('the bank account is not verified')))
        when w.other_wallet_id is not null and o.status is distinct from 'verified' then
            jsonb_build_object('code', 'offer_wallet_not_verified', 'status', 412,
                'message', 'the offer''s wallet is not verified')
        when w.investment_id is not null and exists (
            select from transactions t
            where t.investment_id = w.investment_id and t.type = 'investment'
              and t.status not in ('cancelled', 'failed')) then jsonb_build_object(
            'code', 'already_reserved', 'status', 409,
            'message', 'money is set aside for this investment already')
        when w.needs_funds and p.available < w.amount then jsonb_build_object(
            'code', 'insufficient_funds', 'status', 400,
            'message', 'the amount is above what is available',
            'fields', jsonb_build_object('amount', jsonb_build_array(
                'less than or equal to ' || p.available)))
        end as problem
    from wanted w
    left join purse p on p.op = w.op
    left join bank b on b.op = w.op
    left join other o on o.op = w.op
), good as (
    select * from judged where problem is null
), added as (
    insert into transactions as t (operation, type, status, amount, source_wallet_id,
        dest_wallet_id, source_funding_id, dest_funding_id, investment_id)
    select g.op, g.type, g.status, g.amount,
           case when g.type = 'deposit' then null else g.wallet_id end,
           case when g.type = 'deposit' then g.wallet_id else g.other_wallet_id end,
           case when g.type = 'deposit' then g.funding_source_id end,
           case when g.type = 'withdrawal' then g.funding_source_id end,
           g.investment_id
    from good g
    returning t.*, transaction_answer(t) as answer, transaction_row(t) as row
), sides as (
    select a.id as transaction, a.operation, a.status, a.amount, x.wallet,
           (x.effect ->> 'balance')::integer as balance,
           (x.effect ->> 'incoming')::integer as incoming,
           (x.effect ->> 'outgoing')::integer as outgoing
    from added a join good g on g.op = a.operation
    cross join lateral (values (a.source_wallet_id, g.source), (a.dest_wallet_id, g.dest))
        as x (wallet, effect)
    where x.wallet is not null
      and x.effect <> '{"balance": 0, "incoming": 0, "outgoing": 0}'
), posted as (
    insert into postings (transaction, wallet, from_status, to_status, balance, incoming, outgoing,
                          operation)
    select transaction, wallet, '', status, balance * amount, incoming * amount, outgoing * amount,
           operation
    from sides
    returning wallet, balance, incoming, outgoing
), moved as (
    update wallets w
    set balance = w.balance + s.balance, inc_balance = w.inc_balance + s.incoming,
        out_balance = w.out_balance + s.outgoing, updated_at = now()
    from (select wallet, sum(balance) as balance, sum(incoming) as incoming,
                 sum(outgoing) as outgoing
          from posted group by wallet) s
    where w.id = s.wallet
    returning w.id, wallet_row(w) as row
), change as (
    select j.op,
           jsonb_build_object('answer', a.answer, 'id', a.id,
               'customer', j.dwolla_customer_id,
               'source', case j.type when 'deposit' then j.bank_dwolla_id
                         else j.dwolla_balance_id end,
               'destination', case j.type when 'deposit' then j.dwolla_balance_id
                              when 'withdrawal' then j.bank_dwolla_id
                              else j.other_balance_id end) as result,
           j.problem,
           jsonb_build_array(changed('transaction', a.id, j.wallet_id, a.row))
           || coalesce((select jsonb_agg(changed('wallet', m.id, m.id, m.row))
                        from moved m join sides s on s.wallet = m.id
                        where s.operation = j.op), '[]') as changed,
           null::jsonb as commands
    from judged j left join added a on a.operation = j.op
)
