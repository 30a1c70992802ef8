-- Two index scans instead of one OR: a wallet's movements, newest first.
select transaction_answer(t) as answer
from (
    (select * from transactions where source_wallet_id = $1 order by id desc limit 200)
    union
    (select * from transactions where dest_wallet_id = $1 order by id desc limit 200)
) t
order by t.id desc
limit 200
