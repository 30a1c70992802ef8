-- The wallet of a customer at Dwolla, or with the correlation id that we gave it.
select id from wallets where dwolla_customer_id = $1
union
select id from wallets where id = $2
limit 1
