/*  Who may use a run directory, and that one process has it.  */

#include "bus/rundir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char base[] = "/tmp/rundir_test.XXXXXX";
static char path[256];

static int
set_up(void **state)
{
    (void) state;
    strcpy(base, "/tmp/rundir_test.XXXXXX");
    if (mkdtemp(base) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/run", base);
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", base);
    return system(command); /* NOLINT: a path of our own making */
}

static void
makes_a_directory_for_us_alone(void **state)
{
    (void) state;
    rundir_t *rundir = NULL;
    fault_t fault;
    assert_int_equal(rundir_lock(path, &rundir, &fault), OK);
    struct stat stat_buffer;
    assert_int_equal(stat(path, &stat_buffer), 0);
    assert_int_equal(stat_buffer.st_mode & 0777, 0700);
    rundir_unlock(&rundir);
    assert_null(rundir);
}

static void
refuses_a_second_holder_and_names_the_first(void **state)
{
    (void) state;
    rundir_t *rundir = NULL;
    rundir_t *second = NULL;
    fault_t fault;
    assert_int_equal(rundir_lock(path, &rundir, &fault), OK);
    assert_int_equal(rundir_lock(path, &second, &fault), ERR_EXISTS);
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld", (long) getpid());
    assert_non_null(strstr(fault.text, pid));
    rundir_unlock(&rundir);
    assert_int_equal(rundir_lock(path, &second, &fault), OK);
    rundir_unlock(&second);
}

static void
is_free_again_when_its_holder_is_killed(void **state)
{
    (void) state;
    pid_t child = fork();
    if (child == 0) {
        rundir_t *rundir = NULL;
        _exit(rundir_lock(path, &rundir, NULL) == OK ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 0);
    rundir_t *rundir = NULL;
    assert_int_equal(rundir_lock(path, &rundir, NULL), OK);
    rundir_unlock(&rundir);
}

static void
refuses_a_directory_open_to_others(void **state)
{
    (void) state;
    rundir_t *rundir = NULL;
    fault_t fault;
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, 0755), 0);
    assert_int_equal(rundir_lock(path, &rundir, &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "0700"));
}

static void
refuses_a_directory_of_somebody_else(void **state)
{
    (void) state;
    if (geteuid() != 0)
        skip();
    rundir_t *rundir = NULL;
    fault_t fault;
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chown(path, 12345, 12345), 0);
    assert_int_equal(rundir_lock(path, &rundir, &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "another user"));
}

static void
refuses_a_link(void **state)
{
    (void) state;
    rundir_t *rundir = NULL;
    fault_t fault;
    assert_int_equal(symlink(base, path), 0);
    assert_int_equal(rundir_lock(path, &rundir, &fault), ERR_CONFIG);
    char slash[300];
    snprintf(slash, sizeof slash, "%s/", path);
    assert_int_equal(rundir_lock(slash, &rundir, &fault), ERR_CONFIG);
}

static void
refuses_a_path_that_no_socket_can_have(void **state)
{
    (void) state;
    char endless[200] = "/tmp/";
    memset(endless + 5, 'x', 120);
    rundir_t *rundir = NULL;
    fault_t fault;
    assert_int_equal(rundir_lock(endless, &rundir, &fault), ERR_TOO_LARGE);
    assert_non_null(strstr(fault.text, "too long"));
}

static void
follows_the_runtime_directory_of_the_session(void **state)
{
    (void) state;
    char out[128];
    setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
    rundir_default(out, sizeof out);
    assert_string_equal(out, "/run/user/7/waybill");
    unsetenv("XDG_RUNTIME_DIR");
    rundir_default(out, sizeof out);
    assert_ptr_equal(strstr(out, "/tmp/waybill-"), out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(makes_a_directory_for_us_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_second_holder_and_names_the_first, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(is_free_again_when_its_holder_is_killed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_directory_open_to_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_directory_of_somebody_else, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_link, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_path_that_no_socket_can_have, set_up,
                                        tear_down),
        cmocka_unit_test(follows_the_runtime_directory_of_the_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
