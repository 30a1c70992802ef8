-- Moves movements forward by the domain's table of transitions, which comes as `rules`. A report
-- that the table does not know from where the movement stands changes nothing. The operation that
-- posts answers with the movement, or with `answer` where that is given.
, wanted as (
    select f.op, f.input -> 'rules' as rules, p.* from fenced f
    cross join lateral jsonb_to_record(f.input) as p
        (transaction_id bigint, transfer_id text, "to" text, failure_code text,
         failure_reason text, answer jsonb)
), found as (
    select w.*, t.id, t.type, t.status, t.amount
    from wanted w
    join transactions t on t.id = w.transaction_id
    order by t.id
    for update of t
), ruled as (
    select f.*, r.source, r.dest, r.reversal
    from found f
    cross join lateral jsonb_to_recordset(f.rules) as r
        (kind text, "from" text, "to" text, source jsonb, dest jsonb, reversal boolean)
    where r.kind = f.type and r."from" = f.status and r."to" = f."to"
), moved as (
    update transactions t
    set status = coalesce(r."to", t.status), dwolla_id = coalesce(t.dwolla_id, f.transfer_id),
        failure_code = coalesce(f.failure_code, t.failure_code),
        failure_reason = coalesce(f.failure_reason, t.failure_reason), updated_at = now()
    from found f left join ruled r on r.op = f.op
    where t.id = f.id
      and (r.op is not null or (t.dwolla_id is null and f.transfer_id is not null))
    returning t.*, f.op, r.op is not null as applied, transaction_answer(t) as answer,
        transaction_row(t) as row
), reversed as (
    insert into transactions as t (operation, type, status, amount, source_wallet_id,
        dest_wallet_id, source_funding_id, dest_funding_id, reverses, failure_code, failure_reason)
    select m.op, 'return', 'processed', m.amount, m.dest_wallet_id, m.source_wallet_id,
           m.dest_funding_id, m.source_funding_id, m.id, m.failure_code, m.failure_reason
    from moved m join ruled r on r.op = m.op and r.reversal
    returning t.id, t.reverses, transaction_row(t) as row
), sides as (
    select coalesce(v.id, m.id) as transaction, m.op, r.status as from_status, r."to" as to_status,
           m.amount, x.wallet, (x.effect ->> 'balance')::integer as balance,
           (x.effect ->> 'incoming')::integer as incoming,
           (x.effect ->> 'outgoing')::integer as outgoing
    from moved m join ruled r on r.op = m.op
    left join reversed v on v.reverses = m.id
    cross join lateral (values (m.source_wallet_id, r.source), (m.dest_wallet_id, r.dest))
        as x (wallet, effect)
    where x.wallet is not null
      and x.effect <> '{"balance": 0, "incoming": 0, "outgoing": 0}'
), posted as (
    insert into postings (transaction, wallet, from_status, to_status, balance, incoming, outgoing,
                          operation)
    select transaction, wallet, from_status, to_status, balance * amount, incoming * amount,
           outgoing * amount, op
    from sides
    returning wallet, balance, incoming, outgoing
), sums as (
    select wallet, sum(balance) as balance, sum(incoming) as incoming, sum(outgoing) as outgoing
    from posted group by wallet
), locked as (
    select w.id from wallets w join sums s on s.wallet = w.id order by w.id for update of w
), purses as (
    update wallets w
    set balance = w.balance + s.balance, inc_balance = w.inc_balance + s.incoming,
        out_balance = w.out_balance + s.outgoing,
        frozen = w.frozen or w.balance + s.balance < 0, updated_at = now()
    from sums s join locked l on l.id = s.wallet
    where w.id = s.wallet
    returning w.id, wallet_row(w) as row
), change as (
    select w.op,
           jsonb_build_object('applied', coalesce(m.applied, false),
               'answer', coalesce(w.answer, m.answer,
                   (select transaction_answer(t) from transactions t where t.id = f.id))) as result,
           case when f.id is null then jsonb_build_object('code', 'not_found',
               'status', 404, 'message', 'Not found.') end as problem,
           case when m.applied then jsonb_build_array(
               changed('transaction', m.id, coalesce(m.source_wallet_id, m.dest_wallet_id), m.row))
               else '[]' end
           || coalesce((select jsonb_agg(changed('transaction', v.id,
                            coalesce(m.source_wallet_id, m.dest_wallet_id), v.row))
                        from reversed v where v.reverses = m.id), '[]')
           || coalesce((select jsonb_agg(changed('wallet', p.id, p.id, p.row))
                        from purses p join sides s on s.wallet = p.id where s.op = w.op), '[]')
               as changed,
           null::jsonb as commands
    from wanted w
    left join found f on f.op = w.op
    left join moved m on m.op = w.op
)
