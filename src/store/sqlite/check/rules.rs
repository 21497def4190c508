//! What must be true of the rows, one rule each.

/// Something that must not be, once and more often: `sql` answers how often it is, and one example.
pub(super) struct Rule {
    pub(super) one: &'static str,
    pub(super) many: &'static str,
    pub(super) example: &'static str,
    pub(super) sql: &'static str,
    pub(super) remedy: &'static str,
}

pub(super) const RESTORE: &str =
    "keep this file, put back the newest backup that `nyala db check` finds well, and tell the makers of Nyala";

const REPORT: &str = "nothing is lost by it, but it should not be: tell the makers of Nyala";

const REFERENCES: &str = "SELECT count(*), min(\"table\") FROM pragma_foreign_key_check";

/// As a claim looks for them: by the heads of queues. A hook that gets nothing for
/// now has its head held back; one that was served but is owed more has its head at
/// the time of that claim.
const NOBODY_FINDS: &str = "
    SELECT count(*), min(d.seq)
    FROM (SELECT hook_id, due_at, seq FROM deliveries WHERE state = 0 AND due_at IS NOT NULL) AS d
    JOIN hooks ON hooks.id = d.hook_id
    LEFT JOIN hook_queues AS q ON q.hook_id = d.hook_id
    WHERE hooks.removed_at IS NULL AND hooks.paused_at IS NULL
      AND (q.due_at IS NULL OR q.due_at > max(d.due_at, q.not_before, ?1))";

const NOBODY_CANCELS: &str = "
    SELECT count(*), min(d.seq)
    FROM (SELECT hook_id, seq FROM deliveries WHERE state = 0) AS d
    JOIN hooks ON hooks.id = d.hook_id
    WHERE hooks.removed_at IS NOT NULL AND d.hook_id NOT IN (SELECT hook_id FROM removals)";

const IN_NO_LINE: &str = "
    SELECT count(*), min(seq) FROM deliveries
    WHERE state = 0 AND due_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM turns WHERE turns.delivery = deliveries.seq)";

/// A delivery follows its event in the store's order, unless it is a redelivery.
const WITHOUT_EVENT: &str = "
    SELECT count(*), min(d.seq)
    FROM deliveries AS d LEFT JOIN events ON events.seq = d.event_seq
    WHERE events.seq IS NULL
       OR d.redelivers IS NULL AND (d.seq <= events.seq OR d.seq > events.seq + events.deliveries)";

const WITHOUT_HOOK: &str = "
    SELECT count(*), min(seq) FROM deliveries WHERE hook_id NOT IN (SELECT id FROM hooks)";

const LEASED_TO_NOBODY: &str = "
    SELECT count(*), min(seq) FROM deliveries WHERE state = 1 AND (lease IS NULL OR due_at IS NULL)";

const LEASED_TWICE: &str = "
    SELECT count(*), min(seq) FROM (SELECT min(seq) AS seq FROM deliveries WHERE state = 1 AND lease IS NOT NULL
                                    GROUP BY lease HAVING count(*) > 1)";

const HALF_FINISHED: &str = "
    SELECT count(*), min(seq) FROM deliveries
    WHERE (state >= 2) <> (finished_at IS NOT NULL) OR state >= 2 AND (lease IS NOT NULL OR due_at IS NOT NULL)";

/// Numbers that the counter would give a second time.
const COUNTER: &str = "
    SELECT count(*), min(used.seq)
    FROM (SELECT max(seq) AS seq FROM events
          UNION ALL SELECT max(seq) FROM gates
          UNION ALL SELECT max(seq) FROM executions
          UNION ALL SELECT max(seq) FROM deliveries
          UNION ALL SELECT max(lease) FROM deliveries WHERE state = 1) AS used
    WHERE used.seq > (SELECT max(seq) FROM counter) OR NOT EXISTS (SELECT 1 FROM counter)";

const NOBODY_CLOSES: &str = "
    SELECT count(*), min(seq) FROM gates
    WHERE (state = 0) <> (closed_at IS NULL)
       OR state = 0 AND NOT EXISTS (SELECT 1 FROM decisions WHERE gate = gates.seq AND decisions.state < 2)";

const TIED_TO_NOTHING: &str = "
    SELECT count(*), min(seq) FROM events WHERE gate IS NOT NULL AND gate NOT IN (SELECT seq FROM gates)";

const LEFT_OVER: &str = "
    SELECT count(*), min(delivery) FROM attempts WHERE delivery NOT IN (SELECT seq FROM deliveries)";

const UNWANTED: &str = "
    SELECT count(*), min(hook_id) FROM hook_filters
    WHERE hook_id NOT IN (SELECT id FROM hooks WHERE removed_at IS NULL)";

const NOTHING_TO_SIGN_WITH: &str = "
    SELECT count(*), min(id) FROM hooks
    WHERE removed_at IS NULL AND id NOT IN (SELECT hook_id FROM hook_secrets)";

const SECRETS_OF_REMOVED: &str = "
    SELECT count(*), min(hook_id) FROM hook_secrets
    WHERE hook_id NOT IN (SELECT id FROM hooks WHERE removed_at IS NULL)";

const OF_NO_TRIGGER: &str = "
    SELECT count(*), min(seq) FROM executions WHERE trigger_id NOT IN (SELECT id FROM triggers)";

/// What is over has come to something, and what is not has not.
const NOBODY_CARRIES_OUT: &str = "
    SELECT count(*), min(seq) FROM executions
    WHERE status = 0 AND due_at IS NULL OR status = 2 AND due_at IS NOT NULL
       OR (status = 3) <> (conclusion IS NOT NULL) OR conclusion < 2 AND due_at IS NOT NULL";

const SECRETS_OF_NO_TRIGGER: &str = "
    SELECT count(*), min(trigger_id) FROM trigger_secrets
    WHERE trigger_id NOT IN (SELECT id FROM triggers WHERE removed_at IS NULL)";

pub(super) const RULES: [Rule; 19] = [
    Rule {
        one: "reference leads nowhere",
        many: "references lead nowhere",
        example: "table ",
        sql: REFERENCES,
        remedy: RESTORE,
    },
    Rule {
        one: "delivery is owed that no claim would find",
        many: "deliveries are owed that no claim would find",
        example: "dlv_",
        sql: NOBODY_FINDS,
        remedy: RESTORE,
    },
    Rule {
        one: "delivery waits in line that stands in no line",
        many: "deliveries wait in line that stand in no line",
        example: "dlv_",
        sql: IN_NO_LINE,
        remedy: RESTORE,
    },
    Rule {
        one: "delivery of a removed hook is owed that nobody would cancel",
        many: "deliveries of removed hooks are owed that nobody would cancel",
        example: "dlv_",
        sql: NOBODY_CANCELS,
        remedy: REPORT,
    },
    Rule {
        one: "delivery owes an event that is not its own",
        many: "deliveries owe an event that is not theirs",
        example: "dlv_",
        sql: WITHOUT_EVENT,
        remedy: RESTORE,
    },
    Rule {
        one: "delivery is to a hook that is not there",
        many: "deliveries are to a hook that is not there",
        example: "dlv_",
        sql: WITHOUT_HOOK,
        remedy: RESTORE,
    },
    Rule {
        one: "delivery is leased without a lease",
        many: "deliveries are leased without a lease",
        example: "dlv_",
        sql: LEASED_TO_NOBODY,
        remedy: "start the server again: it takes back what is leased",
    },
    Rule {
        one: "lease is given twice",
        many: "leases are given twice",
        example: "dlv_",
        sql: LEASED_TWICE,
        remedy: "start the server again: it takes back what is leased",
    },
    Rule {
        one: "delivery is finished by half",
        many: "deliveries are finished by half",
        example: "dlv_",
        sql: HALF_FINISHED,
        remedy: RESTORE,
    },
    Rule {
        one: "number would be given twice",
        many: "numbers would be given twice",
        example: "",
        sql: COUNTER,
        remedy: RESTORE,
    },
    Rule {
        one: "gate is neither open nor closed",
        many: "gates are neither open nor closed",
        example: "number ",
        sql: NOBODY_CLOSES,
        remedy: RESTORE,
    },
    Rule {
        one: "event is tied to a gate that is not there",
        many: "events are tied to gates that are not there",
        example: "number ",
        sql: TIED_TO_NOTHING,
        remedy: "what is owed of them goes out without work ids: tell the makers of Nyala",
    },
    Rule {
        one: "attempt is left of a delivery that is gone",
        many: "attempts are left of deliveries that are gone",
        example: "dlv_",
        sql: LEFT_OVER,
        remedy: REPORT,
    },
    Rule {
        one: "filter is of a hook that is not there",
        many: "filters are of hooks that are not there",
        example: "hook ",
        sql: UNWANTED,
        remedy: RESTORE,
    },
    Rule {
        one: "hook has nothing to sign with",
        many: "hooks have nothing to sign with",
        example: "hook ",
        sql: NOTHING_TO_SIGN_WITH,
        remedy: "start the server again: it gives each a secret",
    },
    Rule {
        one: "secret is left of a removed hook",
        many: "secrets are left of removed hooks",
        example: "hook ",
        sql: SECRETS_OF_REMOVED,
        remedy: REPORT,
    },
    Rule {
        one: "execution is of a trigger that is not there",
        many: "executions are of triggers that are not there",
        example: "exe_",
        sql: OF_NO_TRIGGER,
        remedy: REPORT,
    },
    Rule {
        one: "execution is neither over nor to be carried out",
        many: "executions are neither over nor to be carried out",
        example: "exe_",
        sql: NOBODY_CARRIES_OUT,
        remedy: RESTORE,
    },
    Rule {
        one: "secret is left of a removed trigger",
        many: "secrets are left of removed triggers",
        example: "trigger ",
        sql: SECRETS_OF_NO_TRIGGER,
        remedy: REPORT,
    },
];
