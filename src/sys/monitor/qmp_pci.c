/* qmp_pci.c - query-pci. */
#include "sys/machine.h"
#include "sys/monitor/pci_facts.h"
#include "sys/monitor/qmp.h"

static json_t *regions(const struct pci_function *function)
{
    json_t *list = json_array();
    struct pci_facts_bar bar;

    for (unsigned i = 0; i < PCI_BARS; i++) {
        json_t *region;

        if (!pci_facts_bar(function, i, &bar))
            continue;
        region = json_pack("{s:i, s:s, s:I, s:I}", "bar", (int)i, "type",
                           bar.is_io ? "io" : "memory", "address",
                           bar.is_mapped ? (json_int_t)bar.address : (json_int_t)-1,
                           "size", (json_int_t)bar.size);
        if (!bar.is_io) {
            json_object_set_new(region, "prefetch", json_boolean(bar.is_prefetchable));
            json_object_set_new(region, "mem_type_64", json_boolean(bar.is_64));
        }
        json_array_append_new(list, region);
    }
    return list;
}

static json_t *devices(const struct pci_bus *bus, unsigned number);

static json_t *range(const struct pci_function *function, enum pci_window_kind kind)
{
    struct pci_window window = pci_window(function, kind);

    return json_pack("{s:I, s:I}", "base", (json_int_t)window.base, "limit",
                     (json_int_t)window.limit);
}

static json_t *bridge(const struct pci_function *function)
{
    const struct pci_bus *behind = pci_facts_behind(function);
    unsigned secondary = pci_get(function, PCI_SECONDARY_BUS, 1);
    json_t *facts =
        json_pack("{s:{s:i, s:i, s:i, s:o, s:o, s:o}}", "bus", "number",
                  (int)pci_get(function, PCI_PRIMARY_BUS, 1), "secondary", (int)secondary,
                  "subordinate", (int)pci_get(function, PCI_SUBORDINATE_BUS, 1),
                  "io_range", range(function, PCI_WINDOW_IO), "memory_range",
                  range(function, PCI_WINDOW_MEMORY), "prefetchable_range",
                  range(function, PCI_WINDOW_PREFETCH));

    if (behind)
        json_object_set_new(facts, "devices", devices(behind, secondary));
    return facts;
}

static json_t *device(const struct pci_function *function, unsigned bus)
{
    unsigned class_code = pci_get(function, PCI_CLASS, 2);
    unsigned pin = pci_get(function, PCI_INTERRUPT_PIN, 1);
    json_t *id = json_pack("{s:i, s:i}", "vendor", (int)pci_get(function, PCI_VENDOR, 2),
                           "device", (int)pci_get(function, PCI_DEVICE, 2));
    json_t *facts = json_pack(
        "{s:i, s:i, s:i, s:s, s:i, s:{s:i, s:s}, s:O, s:o}", "bus", (int)bus, "slot",
        function->number >> 3, "function", function->number & 7, "qdev_id",
        function->dev.name, "irq_pin", (int)pin, "class_info", "class", (int)class_code,
        "desc", pci_facts_class(class_code), "id", id, "regions", regions(function));

    if (pin)
        json_object_set_new(facts, "irq",
                            json_integer(pci_get(function, PCI_INTERRUPT_LINE, 1)));
    if (pci_facts_is_bridge(function)) {
        json_object_set_new(facts, "pci_bridge", bridge(function));
    } else {
        json_object_set_new(id, "subsystem",
                            json_integer(pci_get(function, PCI_SUBSYSTEM, 2)));
        json_object_set_new(id, "subsystem-vendor",
                            json_integer(pci_get(function, PCI_SUBSYSTEM_VENDOR, 2)));
    }
    json_decref(id);
    return facts;
}

static json_t *devices(const struct pci_bus *bus, unsigned number)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < bus->count; i++)
        json_array_append_new(list, device(bus->functions[i], number));
    return list;
}

json_t *qmp_query_pci(struct qmp_call *call)
{
    json_t *list = json_array();
    const struct pci_bus *root;

    for (size_t i = 0; (root = pci_facts_root(call->machine, &i)); i++)
        json_array_append_new(
            list, json_pack("{s:i, s:o}", "bus", 0, "devices", devices(root, 0)));
    return list;
}
