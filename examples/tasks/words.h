/*  words - what the generated data is made of.  */

#pragma once

static const char *const first_names[] = {"Ada",    "Zoë",   "Jürgen", "Mei",   "Amara",
                                          "Luís",   "Noor",  "Björn",  "Chloé", "Ivo",
                                          "Sanjay", "Olena", "明"};
static const char *const last_names[] = {"O'Neill",  "Schäfer", "Okafor", "Nakamura",  "Silva",
                                         "van Dijk", "Novák",   "Haddad", "Lindqvist", "Rossi"};
static const char *const user_roles[] = {"lead", "member", "member", "member", "guest"};
static const char *const skills[] = {"C",       "SQL",     "design",  "needs analysis",
                                     "testing", "writing", "on call", "typography"};
enum { SKILLS = sizeof skills / sizeof *skills };

static const char *const adjectives[] = {"Quiet", "Northern", "Second",
                                         "Paper", "Bright",   "Open"};
static const char *const nouns[] = {"Harbour", "Ledger", "Garden",
                                    "Atlas",   "Bridge", "Workshop"};
static const char *const project_statuses[] = {"planned", "active", "active", "on_hold",
                                               "done"};
static const char *const colors[] = {"teal", "amber", "plum", "slate"};

static const char *const tags[] = {"api",      "bug",       "needs design", "quick win",
                                   "security", "\"later\"", "docs",         "regression"};
enum { TAGS = sizeof tags / sizeof *tags };
static const char *const verbs[] = {"Repair", "Describe", "Measure", "Move", "Rename", "Test"};
static const char *const adjectives_small[] = {"old", "slow", "first", "shared", "missing"};
static const char *const things[] = {"import",        "login page", "nightly report", "index",
                                     "error message", "price list", "calendar"};
static const char *const task_statuses[] = {"backlog", "todo", "in_progress", "review", "done"};
static const char *const task_priorities[] = {"low", "medium", "medium", "high", "urgent"};
static const char *const sentences[] = {
    "It works on the second try, never on the first.",
    "Don't forget the customers who still have version 2.",
    "See the drawing; the left half is enough for now.",
    "Wer das ändert, liest bitte vorher die Notizen.",
    "100 % of the \"simple\" cases are done.\nThe others are not.",
    "Waiting for an answer \\ reminded twice.",
    "これで十分です。",
    "Done when nobody asks any more."};
