/* explain.h - a machine as a board's file that boots the same: `rhea boot --explain`. */
#ifndef RHEA_SYS_EXPLAIN_H
#define RHEA_SYS_EXPLAIN_H

struct machine;
struct machine_config;
struct options;

/* Of a machine that is only looked at: what is outside is not opened, disks are only
 * read. */
void explain_prepare(struct machine_config *config);
/* Prints it.  What a board's file cannot say are comments: the options to say again. */
void explain_print(struct machine *machine, const struct options *options);

#endif
