-- The platform's own records, as the services that own them tell us. A row changes only to a newer
-- version.

create table users (
    id          bigint      primary key,
    version     bigint      not null,
    identity_id uuid        not null unique,
    email       text        not null,
    first_name  text        not null,
    last_name   text        not null,
    updated_at  timestamptz not null default now()
);

create table profiles (
    id          bigint      primary key,
    version     bigint      not null,
    user_id     bigint      not null,
    type        text        not null,
    kyc_status  text        not null default 'new',
    -- without the SSN
    person      jsonb       not null,
    -- the SSN, sealed; its number of digits beside it, because a retry needs all nine
    ssn         bytea,
    ssn_digits  integer,
    -- the version that told it: it may be older than the rest
    ssn_version bigint,
    updated_at  timestamptz not null default now()
);

create index profiles_user on profiles (user_id);

create table offers (
    id         bigint      primary key,
    version    bigint      not null,
    name       text        not null,
    status     text        not null,
    data       jsonb       not null,
    updated_at timestamptz not null default now()
);

create table investments (
    id           bigint        primary key,
    version      bigint        not null,
    user_id      bigint        not null,
    profile_id   bigint        not null,
    offer_id     bigint        not null,
    amount       numeric(20, 2) not null,
    status       text          not null,
    funding_type text          not null,
    data         jsonb         not null,
    updated_at   timestamptz   not null default now()
);
