//! All clauses, and who signs them.

/// Makes a test of each clause for one backend.
macro_rules! signed_by {
    ($backend:ident, $subject:expr, $($noun:ident: $($clause:ident)+;)+) => {
        mod $backend {
            $(mod $noun {
                $(#[test]
                fn $clause() {
                    crate::store::$noun::$clause(&mut crate::store::Store::new(Box::new($subject)));
                })+
            })+
        }
    };
}

/// The contract, for whoever signs it.
macro_rules! contract {
    ($backend:ident, $subject:expr) => {
        signed_by! { $backend, $subject,
            hooks:
                a_url_stands_once_among_one_owners_kudu_hooks
                hooks_of_another_owner_or_dialect_may_have_the_same_url
                a_url_is_free_again_once_its_hook_was_removed
                a_hook_cannot_be_changed_to_a_url_that_another_has
                ids_are_never_used_again
                a_change_takes_effect_at_once
                a_removed_hook_gets_and_owes_nothing
                what_removed_hooks_owe_is_cancelled_in_steps
                a_removal_waits_for_the_attempts_that_are_under_way
                a_removal_that_waits_holds_up_no_other
                only_a_hook_of_the_dialect_that_asks_is_removed;
            secrets:
                each_hook_has_a_secret_of_its_own_and_keeps_it
                a_secret_that_is_given_is_kept_and_not_taken_from_a_repetition
                a_former_secret_signs_until_its_end_and_is_then_forgotten
                a_rotation_that_is_rolled_back_changes_nothing
                a_removed_hook_has_no_secrets
                a_change_of_headers_and_signatures_takes_effect_at_once;
            triggers:
                a_name_to_the_world_stands_once_among_living_triggers
                an_execution_is_carried_out_once_whoever_else_tries
                a_schedule_has_one_firing_ahead_and_the_next_comes_with_its_end
                what_was_decided_before_a_trigger_changed_is_not_done
                what_comes_under_one_name_is_published_once
                a_failure_does_not_take_the_name
                one_alone_begins_an_execution_and_a_start_takes_it_back
                what_removed_triggers_leave_goes_in_steps
                maintenance_begins_and_ends_once;
            outbox:
                a_publish_reaches_the_hooks_that_want_it_each_once
                a_publish_is_leased_as_far_as_there_is_room
                what_is_new_queues_up_behind_what_waits
                a_claim_takes_what_is_due_and_nothing_else
                a_claim_takes_the_oldest_first
                a_claim_takes_the_heads_of_all_hooks_first
                a_claim_never_gives_a_delivery_twice
                a_claim_says_when_the_next_is_due
                what_is_released_can_be_claimed_at_once
                a_renewed_lease_lasts_longer
                leases_that_ran_out_are_taken_back_and_others_are_not
                a_probe_that_is_given_back_goes_out_again
                at_a_start_all_leases_are_taken_back
                a_lease_that_is_not_ours_changes_nothing;
            fan_out:
                what_many_hooks_want_is_made_in_steps
                a_crash_between_the_steps_loses_none
                a_hook_that_is_removed_between_the_steps_is_owed_nothing
                an_ordered_hook_gets_such_an_event_before_the_next
                a_repeat_waits_for_what_is_not_made_yet;
            ledger:
                a_record_says_what_follows
                a_record_with_a_foreign_lease_is_not_ours
                attempts_are_on_record_with_all_that_was_said
                the_result_of_the_newest_event_is_the_hooks_last
                a_410_removes_the_hook
                a_410_from_an_old_url_removes_nothing;
            transactions:
                what_was_rolled_back_leaves_nothing
                numbers_are_never_used_again
                a_lease_from_what_was_rolled_back_proves_nothing
                what_was_marked_and_not_kept_leaves_nothing
                a_target_that_was_marked_and_not_kept_is_not_made_known
                a_result_that_was_marked_and_not_kept_is_not_shown
                targets_are_made_known_by_the_commit_and_not_before
                what_was_committed_is_there_when_it_is_opened_again;
            keys:
                a_key_stands_for_one_event
                a_key_that_stands_for_another_body_is_refused
                a_key_is_scoped_to_its_owner_and_event_type
                a_key_expires_after_a_day
                keys_are_forgotten_in_steps_and_only_old_ones
                a_repeat_says_how_many_first_attempts_are_still_to_come;
            clock_set:
                what_is_pending_is_made_due_earlier_in_steps_and_each_once
                what_is_due_stays_due_when_the_clock_was_set_back
                leases_that_were_given_before_the_clock_was_set_last_longer;
            retention:
                only_events_of_which_nothing_is_owed_are_finished
                only_events_older_than_asked_are_finished
                the_end_of_what_is_old_includes_its_deliveries
                an_event_goes_with_all_that_belongs_to_it
                a_large_event_goes_in_steps_and_its_parts_can_be_read_meanwhile
                what_is_owed_again_is_not_removed
                what_is_pending_too_long_is_given_up_and_says_why
                what_is_given_up_untried_is_named_by_its_event
                what_is_leased_or_finished_is_not_given_up
                room_that_is_given_back_is_gone;
            pages:
                pages_hold_all_deliveries_each_once
                pages_stay_correct_while_rows_arrive
                pages_of_hooks_stay_correct_while_hooks_come_and_go
                events_come_newest_first_without_their_payloads
                deliveries_are_found_by_hook_event_and_state
                hooks_are_found_by_what_they_want_and_where_they_point;
            times:
                ids_of_events_never_go_back
                a_list_has_what_was_made_from_one_time_up_to_another
                a_list_of_events_has_the_types_and_applications_that_are_asked_for
                redeliveries_between_two_events_have_their_own_times
                pages_between_two_times_stay_correct_while_rows_arrive;
            again:
                what_has_finished_is_owed_again_by_a_new_delivery
                what_is_still_owed_is_not_owed_again
                nothing_is_owed_again_to_a_hook_that_was_removed
                redeliveries_are_found_with_their_event
                a_removed_hook_does_not_owe_its_redeliveries;
            replays:
                a_replay_goes_through_what_had_finished_when_it_began
                a_replay_of_a_state_leaves_out_what_was_done_again
                a_replay_keeps_within_its_times
                a_step_is_made_once
                a_replay_ends_when_it_is_stopped_or_its_hook_is_removed
                one_hook_is_replayed_once_at_a_time
                a_replay_goes_on_after_the_database_was_opened_again;
            gates:
                those_are_asked_who_want_to_be_and_what_they_are_is_kept
                a_gate_closes_when_all_have_answered_and_says_when
                a_hook_decides_once_by_its_own_token
                a_person_decides_for_all_who_have_not_and_within_bounds
                a_gate_whose_time_is_up_expires_in_steps_and_never_says_yes_for_those_who_must_speak
                what_was_being_asked_when_the_process_died_is_expired_and_what_waits_is_not
                a_key_stands_for_one_gate_of_its_owner_for_a_day
                what_was_asked_and_rolled_back_leaves_nothing;
            ties:
                what_follows_a_gate_carries_each_hooks_own_work_id
                a_gate_is_found_by_what_an_event_says_of_it_within_reach
                old_gates_are_forgotten_in_steps_but_not_those_that_something_is_tied_to;
            interleavings:
                each_delivery_has_one_owner_at_most_and_none_is_ever_lost;
        }
    };
}

contract!(signed_by_sqlite, crate::store::sqlite::Sqlite::new());
