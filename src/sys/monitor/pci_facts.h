/* pci_facts.h - what there is on a machine's PCI buses, for monitors. */
#ifndef RHEA_SYS_MONITOR_PCI_FACTS_H
#define RHEA_SYS_MONITOR_PCI_FACTS_H

#include "dev/pci.h"

struct machine;

/* The bus of the host bridge that is the machine's device with this number or the first
 * one after it; NULL: there is none. */
const struct pci_bus *pci_facts_root(const struct machine *machine, size_t *number);

/* What a class code is, by its upper 16 bits. */
const char *pci_facts_class(unsigned class_code);

/* A base address register that is there. */
struct pci_facts_bar {
    uint64_t address, size; /* in bytes */
    bool is_mapped, is_io, is_64, is_prefetchable;
};
bool pci_facts_bar(const struct pci_function *function, unsigned number,
                   struct pci_facts_bar *bar);
bool pci_facts_is_bridge(const struct pci_function *function);
/* The bus behind a bridge that has got its number; or NULL. */
const struct pci_bus *pci_facts_behind(const struct pci_function *function);

#endif
