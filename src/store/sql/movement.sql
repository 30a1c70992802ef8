-- A movement with what a call about its transfer needs: named by its row, by Dwolla's transfer, or by
-- the operation that made it.
select t.id, t.operation, t.type, t.status, t.amount, t.dwolla_id, t.source_wallet_id,
       t.dest_wallet_id, s.dwolla_customer_id as source_customer, s.status as source_status,
       coalesce(s.frozen, false) as source_frozen, d.status as dest_status,
       s.dwolla_balance_id as source_balance, d.dwolla_balance_id as dest_balance,
       transaction_answer(t) as answer
from transactions t
left join wallets s on s.id = t.source_wallet_id
left join wallets d on d.id = t.dest_wallet_id
where t.id = coalesce($1,
    (select id from transactions where dwolla_id = $2),
    (select id from transactions where operation = $3))
