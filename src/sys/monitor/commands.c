/* commands.c - what a person may say: the table, and the simple commands. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/board.h"
#include "sys/debugger.h"
#include "sys/machine.h"
#include "sys/monitor/part.h"
#include "sys/net/net.h"

/* ------------------------------------------------------------------------- reading */

static void skip_blanks(const char **line)
{
    while (isspace((unsigned char)**line))
        ++*line;
}

/* Whether one of the names `a|b` is the `size` bytes at `word`; or begins so. */
static bool is_called(const char *names, const char *word, size_t size, bool in_full)
{
    for (;;) {
        size_t length = strcspn(names, "|");

        if ((in_full ? length == size : length >= size) && !strncmp(names, word, size))
            return true;
        if (!names[length])
            return false;
        names += length + 1;
    }
}

const struct command *command_find(const struct command *table, const char **line)
{
    const struct command *found = NULL;
    const char *word;
    size_t size;

    skip_blanks(line);
    word = *line;
    size = strcspn(word, " \t/"); /* x/10i */
    *line += size;
    for (const struct command *c = table; c->names; c++)
        if (is_called(c->names, word, size, true))
            return c;
    for (const struct command *c = table; c->names && size; c++)
        if (is_called(c->names, word, size, false)) {
            if (found)
                return NULL;
            found = c;
        }
    return found;
}

bool call_word(struct call *call, char word[WORD])
{
    size_t size = 0;
    char quote = 0;

    skip_blanks(&call->rest);
    if (!*call->rest)
        return false;
    for (; *call->rest && (quote || !isspace((unsigned char)*call->rest)); call->rest++) {
        if (*call->rest == '"') {
            quote = !quote;
            continue;
        }
        if (*call->rest == '\\' && quote && call->rest[1])
            call->rest++;
        if (size == WORD - 1)
            return false;
        word[size++] = *call->rest;
    }
    word[size] = 0;
    return true;
}

bool call_ends(struct call *call)
{
    skip_blanks(&call->rest);
    if (!*call->rest)
        return true;
    out_add(call->out, "unexpected at the end: `%s'\n", call->rest);
    return false;
}

/* ------------------------------------------------------------------------- running */

static void unknown(struct text *out, const char *what, const char *line)
{
    skip_blanks(&line);
    out_add(out, "unknown %s: '%.*s'\n", what, (int)strcspn(line, " \t"), line);
}

bool command_needs_standing(const char *line)
{
    const struct command *command = command_find(commands, &line);

    if (command && !strcmp(command->names, "info"))
        command = command_find(info_commands, &line);
    return command && command->needs_standing;
}

void command_run(struct monitor *monitor, const char *line, struct text *out)
{
    struct call call = { monitor, monitor->machine, line, out };
    const struct command *command;

    skip_blanks(&call.rest);
    if (!*call.rest)
        return;
    command = command_find(commands, &call.rest);
    if (command)
        command->run(&call);
    else
        unknown(out, "command", line);
}

/* ------------------------------------------------------------------------ commands */

static void help_on(struct text *out, const char *prefix, const struct command *command)
{
    out_add(out, "%s%s %s -- %s\n", prefix, command->names, command->arguments,
            command->help);
}

static void command_help(struct call *call)
{
    const char *line = call->rest;
    const struct command *command;

    skip_blanks(&line);
    if (!*line) {
        for (command = commands; command->names; command++)
            help_on(call->out, "", command);
        return;
    }
    command = command_find(commands, &line);
    if (!command)
        unknown(call->out, "command", call->rest);
    else if (strcmp(command->names, "info"))
        help_on(call->out, "", command);
    else
        for (command = info_commands; command->names; command++)
            help_on(call->out, "info ", command);
}

static void command_info(struct call *call)
{
    const char *line = call->rest;
    const struct command *command;

    skip_blanks(&line);
    if (!*line) {
        call->rest = "info";
        command_help(call);
        return;
    }
    command = command_find(info_commands, &line);
    if (!command) {
        unknown(call->out, "info", call->rest);
        return;
    }
    call->rest = line;
    command->run(call);
}

static void command_quit(struct call *call)
{
    machine_quit(call->machine);
}

static void command_stop(struct call *call)
{
    if (!machine_is_paused(call->machine))
        machine_pause(call->machine);
}

static void command_cont(struct call *call)
{
    const char *why = machine_cannot_go_on(call->machine);

    if (why)
        out_add(call->out, "Error: %s\n", why);
    else if (machine_is_paused(call->machine))
        machine_resume(call->machine);
}

static void command_reset(struct call *call)
{
    machine_reset(call->machine);
}

static void command_powerdown(struct call *call)
{
    out_add(call->out, "Error: this machine has no power button; its guest can switch it "
                       "off, and so does quit\n");
}

static void command_nmi(struct call *call)
{
    out_add(call->out, "Error: this machine has no NMI\n");
}

static void command_cpu(struct call *call)
{
    uint64_t number;

    if (!call_number(call, &number) || !call_ends(call))
        return;
    if (number >= machine_board(call->machine)->cpus)
        out_add(call->out, "invalid CPU index\n");
    else
        call->monitor->cpu = (unsigned)number;
}

static void command_gdbserver(struct call *call)
{
    char where[WORD], error[DEBUGGER_ERROR];
    bool has_word = call_word(call, where);
    const char *place = has_word ? where : "tcp::1234";

    if (!call_ends(call))
        return;
    if (!strcmp(place, "none"))
        place = NULL;
    if (machine_debug(call->machine, place, error) < 0)
        out_add(call->out, "Error: %s\n", error);
    else if (place)
        out_add(call->out, "Waiting for gdb connection on device '%s'\n", place);
    else
        out_add(call->out, "Disabled gdbserver\n");
}

static void command_send_break(struct call *call)
{
    char id[WORD], error[CHARDEV_ERROR];

    if (!call_word(call, id) || !call_ends(call))
        out_add(call->out, "want an ID\n");
    else if (chardevs_send_break(machine_chardevs(call->machine), id, error) < 0)
        out_add(call->out, "Error: %s\n", error);
}

/* [NETDEV] RULE */
static void forward(struct call *call, bool is_added)
{
    char first[WORD], second[WORD], error[NET_ERROR];
    bool has_first = call_word(call, first), has_second = call_word(call, second);

    if (!has_first || !call_ends(call)) {
        out_add(call->out, "want [NETDEV] [tcp|udp]:[HOST]:PORT%s\n",
                is_added ? "-[GUEST]:PORT" : "");
        return;
    }
    if (nets_forward(machine_nets(call->machine), has_second ? first : NULL,
                     has_second ? second : first, is_added, error) < 0)
        out_add(call->out, "Error: %s\n", error);
    else if (!is_added)
        out_add(call->out, "host forwarding rule for %s removed\n",
                has_second ? second : first);
}

static void command_hostfwd_add(struct call *call)
{
    forward(call, true);
}

static void command_hostfwd_remove(struct call *call)
{
    forward(call, false);
}

/* No drive that there is has a medium to be changed. */
static void command_medium(struct call *call)
{
    char word[WORD];

    if (!call_word(call, word))
        out_add(call->out, "want a DEVICE\n");
    else
        out_add(call->out, "Error: Device '%s' is not removable\n", word);
}

const struct command commands[] = {
    { "help|?", "[command]", "show the help", command_help, false },
    { "info", "[subcommand]", "show various information about the machine", command_info,
      false },
    { "quit|q", "", "end rhea", command_quit, false },
    { "stop|s", "", "stop the machine", command_stop, true },
    { "cont|c", "", "let it go on", command_cont, false },
    { "system_reset", "", "reset the machine", command_reset, false },
    { "system_powerdown", "", "press its power button", command_powerdown, false },
    { "nmi", "", "inject an NMI", command_nmi, false },
    { "cpu", "index", "the CPU that the other commands look at", command_cpu, false },
    { "x", "/fmt addr", "virtual memory dump starting at 'addr'", command_x, true },
    { "xp", "/fmt addr", "physical memory dump starting at 'addr'", command_xp, true },
    { "print|p", "/fmt expr", "print expression value (use $reg for CPU register access)",
      command_print, true },
    { "gva2gpa", "addr", "print the guest physical address of a virtual one",
      command_gva2gpa, true },
    { "gpa2hva", "addr", "print the host virtual address of a guest physical one",
      command_gpa2hva, false },
    { "sum", "addr size", "compute the checksum of a memory region", command_sum, true },
    { "memsave", "addr size file", "save virtual memory to disk", command_memsave, true },
    { "pmemsave", "addr size file", "save physical memory to disk", command_pmemsave,
      true },
    { "log", "item1[,...]", "show these items, and no others: log help", command_log,
      true },
    { "logfile", "filename", "... in a file", command_logfile, true },
    { "trace-event", "pattern on|off", "show accesses to registers, as -trace does",
      command_trace_event, true },
    { "chardev-send-break", "id", "send a break on a chardev", command_send_break,
      false },
    { "gdbserver", "[tcp::PORT|unix:PATH|none]", "let gdb connect there",
      command_gdbserver, false },
    { "hostfwd_add", "[netdev_id] [tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport",
      "redirect connections from host to guest", command_hostfwd_add, false },
    { "hostfwd_remove", "[netdev_id] [tcp|udp]:[hostaddr]:hostport",
      "remove such a redirection", command_hostfwd_remove, false },
    { "eject", "[-f] device", "eject a removable medium", command_medium, false },
    { "change", "device filename", "change a removable medium", command_medium, false },
    { NULL, NULL, NULL, NULL, false },
};
