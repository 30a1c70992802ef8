-- A movement with what a call about its transfer needs.
select t.id, t.operation, t.type, t.status, t.amount, t.dwolla_id, t.source_wallet_id,
       t.dest_wallet_id, s.dwolla_customer_id as source_customer,
       s.dwolla_balance_id as source_balance, d.dwolla_balance_id as dest_balance,
       transaction_answer(t) as answer
from transactions t
left join wallets s on s.id = t.source_wallet_id
left join wallets d on d.id = t.dest_wallet_id
where t.id = $1
