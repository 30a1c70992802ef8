-- Dollar wallets, linked bank accounts and the fiat ledger.

create table wallets (
    id                 bigint         generated always as identity primary key,
    owner_kind         text           not null check (owner_kind in ('profile', 'offer')),
    owner_id           bigint         not null,
    dwolla_customer_id text           unique,
    dwolla_balance_id  text           unique,
    status             text           not null check (status in ('pending', 'created', 'verified',
        'error', 'error_retry', 'error_document', 'error_pending', 'error_suspended')),
    -- a bank's late return may make it negative; then the wallet is frozen
    balance            numeric(20, 2) not null default 0,
    inc_balance        numeric(20, 2) not null default 0 check (inc_balance >= 0),
    out_balance        numeric(20, 2) not null default 0 check (out_balance >= 0),
    frozen             boolean        not null default false,
    -- Dwolla allows one retry with the full SSN
    retried_at         timestamptz,
    created_at         timestamptz    not null default now(),
    updated_at         timestamptz    not null default now(),
    unique (owner_kind, owner_id)
) with (fillfactor = 80);

-- A login at a bank, linked through Plaid.
create table plaid_items (
    id           bigint      generated always as identity primary key,
    -- what the browser holds in place of the access token
    handle       uuid        not null unique,
    profile_id   bigint      not null,
    item_id      text        not null unique,
    access_token bytea       not null,
    accounts     jsonb       not null,
    needs_login  boolean     not null default false,
    removed_at   timestamptz,
    created_at   timestamptz not null default now()
);

create table funding_sources (
    id            bigint      generated always as identity primary key,
    wallet_id     bigint      not null references wallets (id),
    dwolla_id     text        not null unique,
    plaid_item_id bigint      references plaid_items (id),
    type          text        not null,
    bank_name     text        not null,
    name          text        not null,
    last4         text,
    status        text        not null check (status in ('unverified', 'verified', 'removed')),
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now()
);

create index funding_sources_wallet on funding_sources (wallet_id);

create table transactions (
    id                bigint         generated always as identity primary key,
    -- the operation that made it: Dwolla's correlation id derives from it
    operation         uuid           not null unique,
    type              text           not null check (type in
        ('deposit', 'withdrawal', 'investment', 'distribution', 'return')),
    status            text           not null check (status in
        ('created', 'pending', 'wait', 'processed', 'failed', 'cancelled')),
    amount            numeric(20, 2) not null check (amount > 0),
    source_wallet_id  bigint         references wallets (id),
    dest_wallet_id    bigint         references wallets (id),
    source_funding_id bigint         references funding_sources (id),
    dest_funding_id   bigint         references funding_sources (id),
    dwolla_id         text           unique,
    investment_id     bigint,
    -- the movement that this one reverses
    reverses          bigint         references transactions (id),
    failure_code      text,
    failure_reason    text,
    created_at        timestamptz    not null default now(),
    updated_at        timestamptz    not null default now(),
    check (num_nonnulls(source_wallet_id, source_funding_id) = 1),
    check (num_nonnulls(dest_wallet_id, dest_funding_id) = 1)
) with (fillfactor = 80);

create index transactions_source on transactions (source_wallet_id, id);
create index transactions_dest on transactions (dest_wallet_id, id);
create unique index transactions_investment on transactions (investment_id)
    where type = 'investment' and status not in ('cancelled', 'failed');

-- Whether a pending movement of a wallet uses a bank account. Volatile, so that it sees what was
-- committed while its caller waited for the account's row.
create function bank_in_use(bank bigint, wallet bigint) returns boolean
language sql volatile
return exists (
    select from transactions t
    where t.dest_wallet_id = wallet and t.source_funding_id = bank
      and t.status in ('created', 'pending', 'wait')
    union all
    select from transactions t
    where t.source_wallet_id = wallet and t.dest_funding_id = bank
      and t.status in ('created', 'pending', 'wait'));

-- The ledger itself: every change of a wallet's three amounts, append only. A wallet's amounts are
-- the sums of its postings.
create table postings (
    id          bigint         generated always as identity primary key,
    transaction bigint         not null references transactions (id),
    wallet      bigint         not null references wallets (id),
    from_status text           not null,
    to_status   text           not null,
    balance     numeric(20, 2) not null,
    incoming    numeric(20, 2) not null,
    outgoing    numeric(20, 2) not null,
    operation   uuid           not null,
    at          timestamptz    not null default now(),
    unique (transaction, wallet, from_status, to_status)
);

create index postings_wallet on postings (wallet);

-- Whose a wallet is, for answers and pushes.
create view wallet_owners as
select w.id as wallet_id, p.id as profile_id, u.id as user_id, u.identity_id
from wallets w
join profiles p on w.owner_kind = 'profile' and p.id = w.owner_id
join users u on u.id = p.user_id;

-- A movement as the front end reads it: it knows no `created`, and 0 stands for "a bank".
create function transaction_answer(t transactions) returns jsonb
language sql stable
return jsonb_build_object('id', t.id, 'source_wallet_id', coalesce(t.source_wallet_id, 0),
    'dest_wallet_id', coalesce(t.dest_wallet_id, 0), 'entity_id', t.dwolla_id, 'type', t.type,
    'status', case t.status when 'created' then 'pending' else t.status end, 'amount', t.amount,
    'created_at', t.created_at, 'updated_at', t.updated_at);

-- A movement in our names, for events.
create function transaction_row(t transactions) returns jsonb
language sql stable
return jsonb_build_object('id', t.id, 'source_wallet_id', t.source_wallet_id,
    'dest_wallet_id', t.dest_wallet_id, 'entity_id', t.dwolla_id, 'type', t.type,
    'status', t.status, 'amount', t.amount::text, 'created_at', t.created_at,
    'updated_at', t.updated_at);

-- A wallet in our names, for events.
create function wallet_row(w wallets) returns jsonb
language sql stable
return jsonb_build_object('id', w.id, 'status', w.status, 'balance', w.balance::text,
    'inc_balance', w.inc_balance::text, 'out_balance', w.out_balance::text,
    'updated_at', w.updated_at);

-- A linked bank account as the front end reads it.
create function funding_source_answer(s funding_sources) returns jsonb
language sql stable
return jsonb_build_object('id', s.id, 'name', s.name, 'type', s.type, 'status', s.status,
    'bank_name', s.bank_name, 'last4', s.last4);

-- The row of a wallet's owner in a push about an object.
create function changed(object text, id bigint, wallet bigint, fields jsonb) returns jsonb
language sql stable
return (select jsonb_build_object('object', object, 'id', id, 'identity', o.identity_id,
            'user', o.user_id, 'fields', fields)
        from (select 1) one left join wallet_owners o on o.wallet_id = wallet);
