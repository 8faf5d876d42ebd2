/* system_main.c - the program behind `rhea boot` and `rhea img`. */
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "sys/explain.h"
#include "sys/img.h"
#include "sys/machine.h"
#include "sys/options.h"

int main(int argc, char **argv)
{
    struct options options = { 0 };
    struct machine *machine;
    int status = 0;

    host_open_standard_files();
    if (argc > 0 && strcmp(argv[0], "img") == 0)
        return img_main(argc, argv);
    host_ignore_broken_pipes();
    options_read(&options, argc, argv);
    if (options.is_explained)
        explain_prepare(&options.machine);
    machine = machine_new(&options.machine);
    if (options.is_explained)
        explain_print(machine, &options);
    else if (options.dump_tree)
        machine_dump_tree(machine, options.dump_tree);
    else
        status = machine_run(machine);
    machine_free(machine);
    end_process(status);
}
