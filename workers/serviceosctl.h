/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICEOSCTL_H
#define SERVICEOSCTL_H

/* Load the configuration. 0, or -1 with a sentence on standard error. */
int ctl_start(const char *conf_path);

/* The commands: exit statuses. */
int ctl_migrate(int argc, char **argv);
int ctl_org_create(int argc, char **argv);
int ctl_org_limits(int argc, char **argv);
int ctl_key_create(int argc, char **argv);
int ctl_key_revoke(int argc, char **argv);
int ctl_user_create(int argc, char **argv);
int ctl_demo(int argc, char **argv);
int ctl_import(int argc, char **argv);
int ctl_jobs(int argc, char **argv);
int ctl_jobs_retry(int argc, char **argv);
int ctl_jobs_drop(int argc, char **argv);
int ctl_openapi(int argc, char **argv);
int ctl_check_config(int argc, char **argv);
int ctl_doctor(int argc, char **argv);

#endif
