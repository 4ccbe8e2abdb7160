//! The exam that every backend sits.
//!
//! A case is told through the typed handles alone and knows nothing of the backend behind
//! them. Each plays in a game of its own with ids drawn anew; sweeping goes over all games,
//! so a case is given a storage in which nothing is kept. [`exam!`](crate::exam) makes a
//! test of every case:
//!
//! ```ignore
//! async fn fresh() -> (Storage, TempDir) { .. }
//!
//! storage::exam!(crate::tests::fresh);
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a case fails by panicking, like any test"
)]
#![allow(missing_docs, reason = "a case's name says what it asks")]

pub mod apps;
pub mod audit;
pub mod batches;
#[cfg(test)]
pub mod cache;
pub mod content;
pub mod documents;
pub mod gamelog;
pub mod identity;
pub mod images;
pub mod members;
pub mod operators;
pub mod outbox;
#[cfg(test)]
pub(crate) mod presence;
pub mod purchases;
pub mod purchases_model;
pub mod push;
pub mod sessions;
pub mod sessions_model;
pub mod turns;
pub mod wallet;

pub(crate) mod scene;
pub(crate) mod shop;

pub use batches::logins as batches_logins;
pub use identity::nonces;
pub use members::bans;
pub use purchases::{consuming, evidence, looking, refunds};
pub use sessions::{refresh, sweep, take_over};

use crate::open::Storage;

/// Lets a backend sit one case. `fresh` is a storage that has not been started, and what
/// must live as long as it does.
pub async fn sit<K, F: Future<Output = ()>>(fresh: (Storage, K), case: impl FnOnce(Storage) -> F) {
    let (storage, _kept) = fresh;
    storage.start_alone().await.expect("the storage actors start");
    case(storage).await;
}

/// Makes a module a domain, with a `#[tokio::test]` for each of the exam's cases, so that a
/// failure is named. Takes the absolute path of an async function that returns a fresh,
/// unstarted [`Storage`] and whatever must live as long. With `log` before it, only the game
/// log's own cases are asked, and with `cache` a cache's, of what an async function returns, as with
/// `images` those of a place for images.
#[macro_export]
macro_rules! exam {
    (log $fresh:path) => {
        $crate::exam! { $fresh, gamelog:
            every_event_comes_back_as_it_was_handed_over
            a_record_written_twice_is_kept_once
            a_members_records_come_oldest_first
            a_members_records_begin_at_the_moment_asked_for_and_are_bounded
            a_members_records_are_shown_in_their_own_game_alone
            a_members_records_are_read_on_behind_any_of_them
            records_are_listed_by_their_kind_whosever_they_are
        }
    };
    (images $fresh:path) => {
        $crate::exam! { images $fresh:
            an_image_is_found_whole_under_its_digest_alone
            an_image_that_is_put_twenty_times_at_once_is_there_once
            an_image_has_a_bound
            what_was_put_since_stays
            what_is_put_while_it_is_taken_away_is_there_afterwards
            images_are_listed_by_when_they_were_put_last_in_pages
        }
    };
    (images $fresh:path: $($case:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (images, _kept) = $fresh().await;
                $crate::conformance::images::$case(images).await;
            }
        )+
    };
    (cache $fresh:path) => {
        $crate::exam! { cache $fresh:
            what_was_filled_is_found_whole
            many_are_looked_for_and_filled_each_by_itself
            one_alone_is_told_to_ask_the_truth
            who_has_no_lease_fills_nothing
            what_was_forgotten_is_not_found
            what_was_read_before_it_was_forgotten_is_not_filled
            a_reading_is_as_old_as_its_lease
        }
    };
    (cache $fresh:path: $($case:ident)+) => {
        mod cache {
            $(
                #[tokio::test]
                async fn $case() {
                    $crate::conformance::cache::$case($fresh().await).await;
                }
            )+
        }
    };
    ($fresh:path) => {
        $crate::exam! { $fresh, apps:
            a_description_is_sown_once_and_what_operators_changed_stays
            a_changed_description_is_written_and_raises_the_version
            settings_come_back_to_the_letter
            games_are_listed_in_the_order_of_their_words
        }
        $crate::exam! { $fresh, push:
            pushes_are_numbered_from_1_without_a_gap_and_read_back_whole
            posts_at_once_get_each_number_once
            an_acknowledgement_is_cumulative_and_never_goes_back
            a_login_that_was_replaced_acknowledges_nothing
            what_has_expired_is_neither_read_nor_kept
            a_standing_says_how_far_the_inbox_reaches_and_is_acknowledged
            nobody_has_an_inbox_in_another_game
            what_is_posted_under_a_name_is_posted_once
        }
        $crate::exam! { $fresh, identity:
            a_guests_first_login_makes_a_member
            a_guest_comes_back_with_its_secret
            a_wrong_secret_is_refused_and_leaves_nothing_behind
            an_absent_guest_is_refused_and_leaves_nothing_behind
            a_new_guest_under_a_known_id_is_refused
            a_secret_opens_no_identity_that_has_none
            a_vouched_person_is_the_same_member_again_and_the_last_login_moves
            the_same_subject_in_another_game_is_another_member
            the_same_subject_of_another_provider_is_another_member
            a_subject_is_read_to_the_letter
            identities_are_listed_in_their_own_game_alone
            a_taken_id_is_told_and_another_draw_logs_in
            fifty_first_logins_at_once_make_one_member
            the_epoch_rises_by_one_with_each_login
            a_login_names_the_one_it_replaces
            a_login_names_no_login_that_had_ended
            a_login_names_no_login_that_had_expired
        }
        $crate::exam! { $fresh, nonces:
            a_nonce_is_good_once
            a_nonce_is_good_for_one_of_twenty_logins_at_once
            a_nonce_of_one_game_is_unused_in_another
            a_used_nonce_leaves_nothing_behind
            a_taken_id_does_not_use_the_nonce_up
        }
        $crate::exam! { $fresh, members:
            a_member_is_found_in_its_own_game_alone
            nobody_is_found_under_an_id_that_was_never_given
            the_greatest_id_is_kept_whole
        }
        $crate::exam! { $fresh, bans:
            a_ban_is_kept_whole_and_told_in_the_inbox
            a_later_ban_takes_the_earlier_ones_place
            a_lifted_ban_is_gone_and_so_is_the_push_that_told_of_it
            lifting_twice_is_harmless_and_leaves_other_pushes_alone
            a_ban_ends_at_its_moment
            nobody_is_banned_in_another_game
            a_push_to_a_banned_member_is_kept
            a_refused_login_leaves_nothing_behind
            who_does_not_know_the_secret_learns_nothing_of_a_ban
            a_refused_refresh_leaves_the_chain_alone
            a_banned_login_takes_no_session_back
            a_take_over_is_not_answered_again_while_the_member_is_banned
            reuse_ends_a_login_in_a_ban_too
            bans_at_once_each_write_one_push_and_one_counts
        }
        $crate::exam! { $fresh, sessions:
            a_login_stands_as_it_was_written
            a_login_is_found_under_its_own_game_and_member_alone
            logins_are_listed_with_the_newest_first
            a_list_of_logins_leaves_out_the_ended_and_the_expired
            a_list_of_logins_is_no_longer_than_asked
            logins_are_listed_in_their_own_game_alone
            ending_one_login_returns_it_once
            ending_all_logins_returns_those_that_had_not_ended
            a_login_that_was_replaced_ends_itself_and_no_other
            an_ended_login_keeps_what_ended_it
            nobody_ends_a_login_of_another_member_or_game
            a_login_ended_twenty_times_at_once_is_returned_once
        }
        $crate::exam! { $fresh, refresh:
            a_refresh_puts_the_offered_token_in_place_of_the_present_one
            a_lost_reply_is_given_again_with_the_same_sealed_bytes
            a_reply_is_given_again_only_within_the_window
            after_the_window_a_new_token_takes_the_unused_ones_place
            a_reply_of_the_second_try_is_given_again_too
            an_unused_token_that_was_put_aside_counts_as_used
            a_token_that_comes_back_after_its_successor_was_used_ends_the_login
            a_token_of_this_chain_that_was_never_given_ends_the_login
            reuse_is_noticed_in_a_replaced_login_too
            a_wrong_tag_is_unknown_and_leaves_the_chain_alone
            a_token_is_unknown_in_another_game
            a_token_of_no_login_is_unknown
            a_token_expires_at_its_moment
            a_refresh_moves_the_expiry
            a_token_of_an_ended_login_says_what_ended_it
            twenty_exchanges_of_one_token_at_once_rotate_it_once
        }
        $crate::exam! { $fresh, take_over:
            a_token_of_a_replaced_login_is_refused_but_not_used_up
            a_replaced_login_takes_the_session_back_as_a_new_login
            a_take_over_whose_answer_was_lost_is_answered_again
            a_take_over_names_no_login_that_had_ended
            who_holds_the_session_takes_over_nothing
            a_token_that_is_no_good_takes_over_nothing
            ten_take_overs_at_once_each_get_an_epoch_of_their_own
        }
        $crate::exam! { $fresh, sweep:
            a_sweep_forgets_what_has_expired_and_nothing_else
            a_sweep_spares_the_login_that_holds_the_epoch
            a_sweep_forgets_used_nonces_that_have_expired
            a_sweep_takes_no_more_of_each_than_asked
        }
        $crate::exam! { $fresh, batches:
            inboxes_of_many_are_written_read_and_acknowledged_at_once
            members_are_found_many_at_once
            lists_of_many_say_what_each_says_alone
            logins_of_many_are_ended_each_by_its_own_right
        }
        $crate::exam! { $fresh, batches_logins:
            two_logins_of_one_person_in_a_batch_are_both_done
        }
        $crate::exam! { $fresh, purchases:
            a_posted_purchase_is_granted_and_told_whole
            the_same_word_twice_grants_once
            fifty_posts_at_once_of_two_members_over_two_nodes_grant_once
            who_is_named_is_the_owner_whoever_posts
            a_purchase_that_names_an_unknown_account_is_held_until_it_is_released
            a_purchase_of_which_the_store_tells_first_waits_for_its_poster
            a_pending_purchase_is_paid_without_its_client
            a_cancelled_purchase_is_granted_when_it_is_paid_late
            a_held_purchase_is_granted_when_it_is_released
            a_purchase_of_an_unknown_product_is_granted_once_the_catalogue_knows_it
            what_cannot_be_counted_is_refused_and_moves_nothing
            purchases_of_one_member_at_once_are_each_granted
            an_account_token_is_its_members_in_its_game_alone
            an_account_token_that_twenty_make_at_once_is_one
        }
        $crate::exam! { $fresh, refunds:
            what_is_refunded_before_it_is_posted_is_never_granted
            a_refund_is_taken_back_once
            a_post_never_brings_back_what_was_refunded
            a_refund_that_is_undone_is_granted_again_once
            a_refund_that_is_undone_before_it_is_heard_of_takes_nothing
            a_refund_that_comes_again_after_it_was_undone_takes_nothing
            a_part_is_taken_back_and_then_the_whole
            what_was_partly_refunded_before_it_was_granted_is_held
            what_was_spent_is_owed_after_a_refund_and_nothing_is_spent_meanwhile
            what_was_consumed_is_taken_back_all_the_same
            posts_and_refunds_of_many_at_once_leave_nothing_granted
            what_was_given_back_is_counted_for_each_member
        }
        $crate::exam! { $fresh, consuming:
            a_purchase_is_consumed_by_one_of_twenty_at_once
            what_is_not_granted_is_not_consumed
            a_login_that_was_replaced_consumes_nothing
            a_store_is_told_of_a_grant_by_one_node_at_a_time_until_it_knows
            a_store_that_knows_of_the_grant_is_not_told
            a_store_that_is_given_up_is_told_no_more
            what_was_consumed_meanwhile_is_still_told
            what_is_consumed_without_the_store_is_not_told
            stores_are_told_of_the_longest_due_first_and_no_more_than_asked
        }
        $crate::exam! { $fresh, evidence:
            evidence_is_kept_whole_and_known_again
            evidence_that_is_received_twenty_times_at_once_is_new_once
            the_same_shown_by_two_is_two_pieces_of_evidence
            evidence_waits_for_one_node_at_a_time
            evidence_is_tried_again_when_it_was_said_and_parked_when_it_is_enough
            evidence_that_is_parked_is_listed_and_tried_again_when_somebody_wants_it
            evidence_that_was_answered_says_so_and_keeps_nothing_shown
            evidence_is_done_with_the_word_that_answers_it
            evidence_is_leased_with_the_longest_due_first
            evidence_that_was_answered_is_forgotten_after_its_time
        }
        $crate::exam! { $fresh, looking:
            purchases_are_listed_with_the_newest_first_and_read_on
            what_is_not_consumed_is_listed_with_the_oldest_first
            nobody_finds_a_purchase_of_another_member_or_game
            a_claim_is_found_as_it_was_decided
            what_is_held_is_listed_with_the_oldest_first
            a_store_is_asked_again_by_one_node_at_a_time
        }
        $crate::exam! { $fresh, wallet:
            what_the_game_gives_and_takes_is_kept_and_told
            the_same_transfer_twice_is_done_once_and_says_the_same
            a_transfer_that_is_asked_for_twenty_times_at_once_is_done_once
            another_transfer_under_the_same_id_is_refused
            what_is_not_there_is_not_spent
            nobody_gets_more_than_can_be_told
            fifty_spends_at_once_never_reach_below_zero
            a_login_that_was_replaced_spends_nothing
            nothing_is_moved_of_a_member_of_another_game
            transfers_are_listed_with_the_newest_first
            transfers_of_one_moment_come_in_pages_without_a_loss
            an_audit_in_parts_sees_everything_once
        }
        $crate::exam! { $fresh, outbox:
            what_becomes_of_a_purchase_is_told_in_order
            a_game_without_a_webhook_is_told_nothing
            a_member_is_leased_by_one_node_at_a_time
            who_lost_the_lease_says_no_more_what_came_of_it
            what_was_taken_is_done_and_the_rest_is_due_at_once
            what_was_not_taken_is_sent_later_and_nothing_overtakes_it
            a_notice_is_sent_again_behind_what_waits
            members_are_leased_with_the_longest_due_first
            notices_are_looked_at_with_the_newest_first
            what_was_told_is_forgotten_after_its_time
        }
        $crate::exam! { $fresh, turns:
            a_turn_is_taken_by_one_of_twenty_at_once
            a_turn_comes_when_it_is_due_and_not_before
        }
        $crate::exam! { $fresh, content:
            the_first_sight_and_the_last_putting_away_of_each_are_kept
            many_members_who_see_the_same_at_once_are_all_kept
            more_marks_or_tallies_than_are_taken_are_refused
            what_runs_counted_is_summed_up_and_keeping_it_again_adds_nothing
            what_nobody_touched_for_long_is_forgotten_a_few_at_a_time
        }
        $crate::exam! { $fresh, documents:
            a_document_is_written_read_changed_and_removed
            of_two_who_change_the_same_version_the_second_is_told
            a_change_that_hangs_on_another_is_written_while_that_one_stands
            of_two_that_hang_on_each_other_one_is_written
            a_name_is_taken_while_its_document_stands
            what_is_sent_again_under_its_key_is_done_once
            who_asks_for_what_is_new_misses_nothing
            documents_are_listed_by_whose_they_are
            what_is_too_long_is_refused
        }
        $crate::exam! { $fresh, audit:
            a_change_is_told_with_what_was_before_and_after
            an_act_is_appended_once
            acts_are_told_newest_first_in_pages_and_by_what_is_asked
        }
        $crate::exam! { $fresh, operators:
            an_operators_session_is_kept_whole_under_its_token_alone
            what_was_seen_and_proven_of_an_operator_never_moves_back
            an_operators_sessions_are_listed_with_the_newest_first_and_ended
            one_operator_has_no_more_sessions_than_may_be
            operators_sessions_that_ended_or_idle_are_forgotten
        }
        $crate::exam! { log $fresh }
    };
    ($fresh:path, $domain:ident: $($case:ident)+) => {
        mod $domain {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let case = $crate::conformance::$domain::$case;
                    $crate::conformance::sit($fresh().await, case).await;
                }
            )+
        }
    };
}

#[cfg(test)]
mod tests {
    /// A case that is not on the list is a question that nobody is asked.
    #[test]
    fn every_case_is_on_the_list() {
        let list = include_str!("conformance.rs");
        let domains = [
            include_str!("conformance/apps.rs"),
            include_str!("conformance/audit.rs"),
            include_str!("conformance/batches/logins.rs"),
            include_str!("conformance/cache.rs"),
            include_str!("conformance/documents.rs"),
            include_str!("conformance/gamelog.rs"),
            include_str!("conformance/identity.rs"),
            include_str!("conformance/identity/nonces.rs"),
            include_str!("conformance/images.rs"),
            include_str!("conformance/members.rs"),
            include_str!("conformance/members/bans.rs"),
            include_str!("conformance/operators.rs"),
            include_str!("conformance/outbox.rs"),
            include_str!("conformance/purchases.rs"),
            include_str!("conformance/purchases/consuming.rs"),
            include_str!("conformance/purchases/evidence.rs"),
            include_str!("conformance/purchases/looking.rs"),
            include_str!("conformance/purchases/refunds.rs"),
            include_str!("conformance/push.rs"),
            include_str!("conformance/sessions.rs"),
            include_str!("conformance/sessions/refresh.rs"),
            include_str!("conformance/sessions/sweep.rs"),
            include_str!("conformance/sessions/take_over.rs"),
            include_str!("conformance/turns.rs"),
            include_str!("conformance/wallet.rs"),
        ];
        let cases = domains.iter().flat_map(|text| text.split("pub async fn ").skip(1));
        // What is played with a drawn crowd is not a case.
        let names: Vec<_> = cases.map(|case| case.split('(').next().unwrap()).collect();
        assert!(names.len() > 50, "{names:?}");
        for name in names.into_iter().filter(|name| !name.starts_with("play_")) {
            assert!(list.lines().any(|line| line.trim() == name), "{name} is not on the list");
        }
    }
}
