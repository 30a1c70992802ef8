//! The fiat ledger: what each step of a movement does to the wallets on its two sides.
//!
//! The types differ in when money leaves a balance. A deposit is only *incoming* until the bank has
//! paid. A withdrawal leaves the balance at once and comes back if it fails. An investment is
//! *outgoing* (set aside) until the transfer is done. A distribution mirrors the investment.
//!
//! Status moves forward only. The one exception is a bank's late return: `processed` becomes
//! `failed`, and because nothing in a ledger is ever edited, a movement of type `return` is booked
//! against it. That may take a balance below zero; the wallet is then frozen for a person to look at.

use subjects::wallet::{TransactionStatus as Status, TransactionType as Type};

/// What one posting does to a wallet, in multiples of the movement's amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effect {
    /// Change of the balance.
    pub balance: i8,
    /// Change of what is on its way in.
    pub incoming: i8,
    /// Change of what is set aside to go out.
    pub outgoing: i8,
}

const NONE: Effect = Effect {
    balance: 0,
    incoming: 0,
    outgoing: 0,
};

const fn balance(by: i8) -> Effect {
    Effect {
        balance: by,
        ..NONE
    }
}

const fn incoming(by: i8) -> Effect {
    Effect {
        incoming: by,
        ..NONE
    }
}

const fn outgoing(by: i8) -> Effect {
    Effect {
        outgoing: by,
        ..NONE
    }
}

/// One legal transition of a movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The movement's type.
    pub kind: Type,
    /// Where it stands.
    pub from: Status,
    /// Where it goes.
    pub to: Status,
    /// What happens to the wallet that the money leaves, if it leaves one.
    pub source: Effect,
    /// What happens to the wallet that the money reaches, if it reaches one.
    pub dest: Effect,
    /// Whether it is booked as a movement of its own against this one.
    pub reversal: bool,
}

/// How a movement of a type begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beginning {
    /// The movement's type.
    pub kind: Type,
    /// Its first status.
    pub status: Status,
    /// What happens to the wallet that the money leaves.
    pub source: Effect,
    /// What happens to the wallet that the money reaches.
    pub dest: Effect,
    /// Whether the source wallet must have the money, less what is set aside already.
    pub needs_funds: bool,
}

/// A deposit: on its way in from the bank.
pub const DEPOSIT: Beginning = begin(Type::Deposit, Status::Created, NONE, incoming(1), false);
/// A withdrawal: out of the balance at once.
pub const WITHDRAWAL: Beginning = begin(Type::Withdrawal, Status::Created, balance(-1), NONE, true);
/// An investment: set aside until it is paid.
pub const INVESTMENT: Beginning = begin(Type::Investment, Status::Wait, outgoing(1), NONE, true);
/// A distribution: set aside on the offer's side, on its way in on the investor's.
pub const DISTRIBUTION: Beginning = begin(
    Type::Distribution,
    Status::Created,
    outgoing(1),
    incoming(1),
    true,
);

const fn begin(
    kind: Type,
    status: Status,
    source: Effect,
    dest: Effect,
    needs_funds: bool,
) -> Beginning {
    Beginning {
        kind,
        status,
        source,
        dest,
        needs_funds,
    }
}

const fn step(kind: Type, from: Status, to: Status, source: Effect, dest: Effect) -> Transition {
    Transition {
        kind,
        from,
        to,
        source,
        dest,
        reversal: false,
    }
}

const fn late_return(kind: Type, source: Effect, dest: Effect) -> Transition {
    Transition {
        reversal: true,
        ..step(kind, Status::Processed, Status::Failed, source, dest)
    }
}

/// Money that was taken out of the balance or set aside comes back the way it went.
const PAID: Effect = Effect {
    balance: -1,
    incoming: 0,
    outgoing: -1,
};
const RECEIVED: Effect = Effect {
    balance: 1,
    incoming: -1,
    outgoing: 0,
};

/// Every legal transition. What is not here does not happen.
pub const TRANSITIONS: &[Transition] = &[
    // A deposit is incoming until the bank has paid.
    step(Type::Deposit, Status::Created, Status::Pending, NONE, NONE),
    step(
        Type::Deposit,
        Status::Created,
        Status::Processed,
        NONE,
        RECEIVED,
    ),
    step(
        Type::Deposit,
        Status::Created,
        Status::Failed,
        NONE,
        incoming(-1),
    ),
    step(
        Type::Deposit,
        Status::Created,
        Status::Cancelled,
        NONE,
        incoming(-1),
    ),
    step(
        Type::Deposit,
        Status::Pending,
        Status::Processed,
        NONE,
        RECEIVED,
    ),
    step(
        Type::Deposit,
        Status::Pending,
        Status::Failed,
        NONE,
        incoming(-1),
    ),
    step(
        Type::Deposit,
        Status::Pending,
        Status::Cancelled,
        NONE,
        incoming(-1),
    ),
    late_return(Type::Deposit, NONE, balance(-1)),
    // A withdrawal left the balance when it was asked for, and comes back if it fails.
    step(
        Type::Withdrawal,
        Status::Created,
        Status::Pending,
        NONE,
        NONE,
    ),
    step(
        Type::Withdrawal,
        Status::Created,
        Status::Processed,
        NONE,
        NONE,
    ),
    step(
        Type::Withdrawal,
        Status::Created,
        Status::Failed,
        balance(1),
        NONE,
    ),
    step(
        Type::Withdrawal,
        Status::Created,
        Status::Cancelled,
        balance(1),
        NONE,
    ),
    step(
        Type::Withdrawal,
        Status::Pending,
        Status::Processed,
        NONE,
        NONE,
    ),
    step(
        Type::Withdrawal,
        Status::Pending,
        Status::Failed,
        balance(1),
        NONE,
    ),
    step(
        Type::Withdrawal,
        Status::Pending,
        Status::Cancelled,
        balance(1),
        NONE,
    ),
    late_return(Type::Withdrawal, balance(1), NONE),
    // An investment is set aside until the transfer is done; then both sides move at once.
    step(Type::Investment, Status::Wait, Status::Pending, NONE, NONE),
    step(
        Type::Investment,
        Status::Wait,
        Status::Processed,
        PAID,
        balance(1),
    ),
    step(
        Type::Investment,
        Status::Wait,
        Status::Failed,
        outgoing(-1),
        NONE,
    ),
    step(
        Type::Investment,
        Status::Wait,
        Status::Cancelled,
        outgoing(-1),
        NONE,
    ),
    step(
        Type::Investment,
        Status::Pending,
        Status::Processed,
        PAID,
        balance(1),
    ),
    step(
        Type::Investment,
        Status::Pending,
        Status::Failed,
        outgoing(-1),
        NONE,
    ),
    step(
        Type::Investment,
        Status::Pending,
        Status::Cancelled,
        outgoing(-1),
        NONE,
    ),
    // A distribution is set aside on the offer's side and incoming on the investor's.
    step(
        Type::Distribution,
        Status::Created,
        Status::Pending,
        NONE,
        NONE,
    ),
    step(
        Type::Distribution,
        Status::Created,
        Status::Processed,
        PAID,
        RECEIVED,
    ),
    step(
        Type::Distribution,
        Status::Created,
        Status::Failed,
        outgoing(-1),
        incoming(-1),
    ),
    step(
        Type::Distribution,
        Status::Created,
        Status::Cancelled,
        outgoing(-1),
        incoming(-1),
    ),
    step(
        Type::Distribution,
        Status::Pending,
        Status::Processed,
        PAID,
        RECEIVED,
    ),
    step(
        Type::Distribution,
        Status::Pending,
        Status::Failed,
        outgoing(-1),
        incoming(-1),
    ),
    step(
        Type::Distribution,
        Status::Pending,
        Status::Cancelled,
        outgoing(-1),
        incoming(-1),
    ),
];

/// The transition of a movement of this type between these statuses, if it is legal.
pub fn transition(kind: Type, from: Status, to: Status) -> Option<&'static Transition> {
    TRANSITIONS
        .iter()
        .find(|t| t.kind == kind && t.from == from && t.to == to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
    struct Purse {
        balance: i64,
        incoming: i64,
        outgoing: i64,
    }

    impl Purse {
        fn post(&mut self, effect: Effect, amount: i64) {
            self.balance += i64::from(effect.balance) * amount;
            self.incoming += i64::from(effect.incoming) * amount;
            self.outgoing += i64::from(effect.outgoing) * amount;
        }
    }

    #[test]
    fn every_pair_of_statuses_is_legal_once_or_not_at_all() {
        for kind in Type::ALL {
            for from in Status::ALL {
                for to in Status::ALL {
                    let legal = TRANSITIONS
                        .iter()
                        .filter(|t| t.kind == *kind && t.from == *from && t.to == *to)
                        .count();
                    assert!(legal <= 1, "{kind:?} {from:?} {to:?}");
                    assert!(legal == 0 || from != to, "{kind:?} {from:?} to itself");
                }
            }
        }
    }

    #[test]
    fn nothing_leaves_a_terminal_status_but_a_late_return() {
        for t in TRANSITIONS {
            let terminal = matches!(
                t.from,
                Status::Processed | Status::Failed | Status::Cancelled
            );
            assert_eq!(terminal, t.reversal, "{t:?}");
            assert!(!t.reversal || (t.from, t.to) == (Status::Processed, Status::Failed));
        }
    }

    #[test]
    fn the_three_types_change_balances_in_three_different_ways() {
        assert_eq!(DEPOSIT.dest, incoming(1));
        assert_eq!(WITHDRAWAL.source, balance(-1));
        assert_eq!(INVESTMENT.source, outgoing(1));
        let done = |kind, from| transition(kind, from, Status::Processed).unwrap();
        assert_eq!(done(Type::Deposit, Status::Pending).dest, RECEIVED);
        assert_eq!(done(Type::Withdrawal, Status::Pending).source, NONE);
        assert_eq!(done(Type::Investment, Status::Wait).source, PAID);
    }

    fn beginnings() -> impl Strategy<Value = Beginning> {
        prop::sample::select(vec![DEPOSIT, WITHDRAWAL, INVESTMENT, DISTRIBUTION])
    }

    fn statuses() -> impl Strategy<Value = Vec<Status>> {
        prop::collection::vec(prop::sample::select(Status::ALL.to_vec()), 0..12)
    }

    proptest! {
        /// Whatever order statuses are reported in, however often: what is pending is pending once,
        /// money is neither made nor lost between the two sides, and an end without success leaves
        /// both purses as they were.
        #[test]
        fn any_history_keeps_the_books(begin in beginnings(), reports in statuses(), amount in 1i64..1_000_000) {
            let (mut source, mut dest) = (Purse::default(), Purse::default());
            source.post(begin.source, amount);
            dest.post(begin.dest, amount);
            let mut at = begin.status;
            for to in reports {
                if let Some(t) = transition(begin.kind, at, to) {
                    source.post(t.source, amount);
                    dest.post(t.dest, amount);
                    at = to;
                }
                for purse in [source, dest] {
                    prop_assert!(purse.incoming == 0 || purse.incoming == amount);
                    prop_assert!(purse.outgoing == 0 || purse.outgoing == amount);
                }
            }
            match at {
                Status::Processed => {
                    prop_assert_eq!((source.incoming, source.outgoing), (0, 0));
                    prop_assert_eq!((dest.incoming, dest.outgoing), (0, 0));
                    prop_assert!(dest.balance == 0 || dest.balance == amount);
                    prop_assert!(source.balance == 0 || source.balance == -amount);
                    prop_assert!(dest.balance != 0 || source.balance != 0);
                }
                Status::Failed | Status::Cancelled => {
                    prop_assert_eq!(source, Purse::default());
                    prop_assert_eq!(dest, Purse::default());
                }
                Status::Created | Status::Pending | Status::Wait => {}
            }
        }
    }
}
