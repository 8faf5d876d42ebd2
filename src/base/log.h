/* log.h - what -d and -trace show, line by line: to stderr, or to -D's file. */
#ifndef RHEA_BASE_LOG_H
#define RHEA_BASE_LOG_H

/* From now on; it is closed when another one takes its place.  While nobody logs. */
void log_to(int fd);
/* One write for the whole line, so that lines of several threads do not mix. */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_text(const char *text); /* of any length, as it is */

#endif
