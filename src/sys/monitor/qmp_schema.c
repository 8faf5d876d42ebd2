/* qmp_schema.c - query-qmp-schema: what the tables of commands and events say.  What a
 * command returns is `any`. */
#include <stdio.h>

#include "sys/monitor/qmp.h"

static void add_builtin(json_t *list, const char *name, const char *json_type)
{
    json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", name, "meta-type",
                                          "builtin", "json-type", json_type));
}

static json_t *members_of(const struct qmp_command *command)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < QMP_ARGS && command->args[i].name; i++) {
        const struct qmp_arg *arg = &command->args[i];
        json_t *member = json_pack("{s:s, s:s}", "name", arg->name, "type",
                                   arg->kind == 's'   ? "str"
                                   : arg->kind == 'i' ? "int"
                                                      : "bool");

        if (arg->is_optional)
            json_object_set_new(member, "default", json_null());
        json_array_append_new(list, member);
    }
    return list;
}

static void add_object(json_t *list, const char *name, json_t *members)
{
    json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", name, "meta-type",
                                          "object", "members", members));
}

static void add_command(json_t *list, const struct qmp_command *command)
{
    char args[64];

    snprintf(args, sizeof(args), "%s-arg", command->name);
    add_object(list, args, members_of(command));
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "name", command->name,
                                          "meta-type", "command", "arg-type", args,
                                          "ret-type", "any"));
}

json_t *qmp_schema(struct qmp_call *call)
{
    json_t *list = json_array();

    (void)call;
    add_builtin(list, "str", "string");
    add_builtin(list, "int", "int");
    add_builtin(list, "bool", "boolean");
    add_builtin(list, "any", "value");
    add_object(list, "empty", json_array());
    for (const struct qmp_command *c = qmp_commands; c->name; c++)
        add_command(list, c);
    for (size_t i = 0; qmp_events[i]; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", qmp_events[i],
                                              "meta-type", "event", "arg-type", "empty"));
    return list;
}
