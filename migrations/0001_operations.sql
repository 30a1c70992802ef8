-- Operations, their journal, what they tell the world, and what stands in the dead letters.

-- Fencing tokens: each opening of an operation draws a new one, so a token is never given twice.
create sequence lease_tokens as bigint;

create table operations (
    id            uuid        primary key,
    service       text        not null,
    topic         text        not null,
    caller        jsonb       not null,
    request_hash  text        not null,
    -- no two operations with the same entity are worked on at once
    entity        text,
    -- request id, trace, address: what a requeued message carries again
    headers       jsonb       not null,
    -- the payload as it came; sealed for topics that hold personal data
    payload       bytea       not null,
    state         text        not null
        check (state in ('running', 'waiting', 'completed', 'refused', 'dead', 'discarded')),
    attempt       integer     not null check (attempt >= 0),
    lease_token   bigint      not null,
    worker        text        not null,
    -- running: when the lease ends; waiting: when the timer is due; finished: null
    wake_at       timestamptz,
    -- when the relay last published the timer
    relayed_at    timestamptz,
    -- waiting because another operation works on the same entity: since when
    parked_at     timestamptz,
    accepted      jsonb,
    result        jsonb,
    problem       jsonb,
    -- the faults of earlier attempts, oldest first, at most 50
    faults        jsonb       not null default '[]',
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    finished_at   timestamptz,
    check ((wake_at is null) = (state not in ('running', 'waiting')))
) with (fillfactor = 80);

create index operations_awake on operations (wake_at) where wake_at is not null;
create index operations_parked on operations (entity, parked_at) where parked_at is not null;

-- Who works on an entity. A row may outlive its operation's work; then it is over by its time.
create table entity_leases (
    entity    text        primary key,
    operation uuid        not null,
    until     timestamptz not null
) with (fillfactor = 50);

create index entity_leases_operation on entity_leases (operation);

-- What an operation has done so far: its steps and its effects, by name.
create table journal (
    operation   uuid        not null,
    name        text        not null,
    kind        text        not null check (kind in ('step', 'effect')),
    -- effect: intended -> done | not_done | unknown; step: done
    state       text        not null check (state in ('intended', 'done', 'not_done', 'unknown')),
    generation  integer     not null default 0,
    key         uuid,
    request     jsonb,
    answer      jsonb,
    cause       jsonb,
    -- of the first intent, and of the last one under the present key
    first_at    timestamptz not null default now(),
    intended_at timestamptz,
    settled_at  timestamptz,
    primary key (operation, name)
) with (fillfactor = 80);

-- What must be published: events, follow-up commands, dead letters. Kept after it was sent, as the
-- operation's history for its readers.
create table outbox (
    id         bigint      generated always as identity primary key,
    operation  uuid        not null,
    kind       text        not null check (kind in ('event', 'command', 'replay', 'dead')),
    subject    text        not null,
    payload    jsonb       not null,
    created_at timestamptz not null default now(),
    sent_at    timestamptz
) with (fillfactor = 80);

create index outbox_unsent on outbox (id) where sent_at is null;
create index outbox_operation on outbox (operation, id);

create table dead_letters (
    id         uuid        primary key,
    -- null for messages that never became an operation
    operation  uuid,
    service    text        not null,
    topic      text        not null,
    class      text        not null check (class in
        ('rejected', 'exhausted', 'ambiguous', 'bug', 'undecodable', 'unknown_topic', 'max_deliveries')),
    code       text        not null,
    message    text        not null,
    subject    text        not null,
    headers    jsonb       not null,
    body       bytea       not null,
    sealed     boolean     not null,
    faults     jsonb       not null,
    effects    jsonb       not null,
    state      text        not null default 'open'
        check (state in ('open', 'replayed', 'discarded', 'resolved')),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create index dead_letters_open on dead_letters (created_at) where state = 'open';
create index dead_letters_operation on dead_letters (operation);

-- What operators did: append only.
create table audit (
    id          bigint      generated always as identity primary key,
    at          timestamptz not null default now(),
    actor       text        not null,
    action      text        not null,
    dead_letter uuid,
    operation   uuid,
    reason      text        not null,
    before      jsonb,
    after       jsonb
);

create index audit_operation on audit (operation);
