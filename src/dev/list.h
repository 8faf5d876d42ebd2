/* list.h - all kinds of devices: DEV(name) for each struct dev_class. */
DEV(aclint)
DEV(goldfish_rtc)
DEV(plic)
DEV(sifive_test)
DEV(uart16550)
DEV(virtio_blk)
DEV(virtio_mmio)
