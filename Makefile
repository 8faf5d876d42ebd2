# rhea.  Needs GNU make 4 and a C11 compiler; `make help` lists the targets.
#
# Settings:  LLVM=0            no JIT (nor where there is no llvm-config-19)
#            SAN=1             ASan and UBSan, in a build directory of its own
#            O=DIR             build in DIR
#            ISAS="riscv ..."  guests to build in
#            TARGET=riscv64    of them only this one
#            V=1               show the commands
#            HOST, CC, CFLAGS, LDFLAGS, HOSTCC, PREFIX, DESTDIR as everywhere

HOSTCC ?= cc
HERE   := $(shell $(CC) -dumpmachine)
HOST   ?= $(HERE)
LLVM_CONFIG ?= llvm-config-19
ifeq ($(origin LLVM),undefined)
LLVM   := $(if $(filter $(HERE),$(HOST)),$(if $(shell command -v $(LLVM_CONFIG)),1,0),0)
endif
O      ?= build/$(HOST)$(if $(SAN),-san)$(if $(filter 0,$(LLVM)),-nollvm)
CFLAGS ?= $(if $(SAN),-O1,-O2) -g
PREFIX ?= /usr/local
ISAS   ?= riscv
Q      := $(if $(V),,@)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDEXPANSION:

# --- compiler flags

BASE_CFLAGS := -std=c11 -Wall -Wextra -Wshadow -Wmissing-prototypes -fno-common \
               -ffp-contract=off -ffunction-sections -fdata-sections -MMD -MP
JIT_DEFS    := $(if $(filter 0,$(LLVM)),,-DRHEA_JIT=1)
HOSTED      := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
HARDEN      := -D_FORTIFY_SOURCE=2 -fstack-protector-strong
# Handlers end in tail calls: no flag that gives a function an epilogue.
INTERP_CFLAGS := -O2 -falign-functions=8 -fno-plt -fomit-frame-pointer -foptimize-sibling-calls \
                 -fno-stack-protector -fcf-protection=none -fno-tree-slp-vectorize
ifeq ($(shell $(CC) -dM -E -x c /dev/null | grep __clang__),)
INTERP_CFLAGS += -fno-gcse
endif
# Of the files that have nothing but handlers: see INTERP_CLOBBERS_ALL.
ifneq ($(filter -fno-gcse,$(INTERP_CFLAGS)),)
ifneq ($(and $(filter x86_64-%,$(HOST)),$(if $(SAN),,y)),)
HANDLER_CFLAGS := $(addprefix -fcall-used-,rbx r12 r13 r14 r15)
endif
endif
ifdef SAN
SAN_FLAGS     := -fsanitize=address,undefined -fno-sanitize-recover=all
else
BASE_CFLAGS   += -fno-unwind-tables -fno-asynchronous-unwind-tables # C, and gdb has its own
endif
# What is not part of running a guest: small rather than fast.
OS := $(if $(filter -O2,$(CFLAGS)),-Os)
OZ := $(if $(OS),$(shell $(CC) -Oz -E -x c /dev/null >/dev/null 2>&1 && echo -Oz))
COLD_CFLAGS := $(or $(OZ),$(OS))
ifneq ($(SAN)$(filter -O0,$(CFLAGS)),)
HARDEN        :=
INTERP_CFLAGS := $(if $(SAN),-fno-sanitize=null)
endif
INTERP_CFLAGS += -fno-delete-null-pointer-checks # address 0 is the guest's
compile     = $(Q)echo '  CC   $@' && $(CC) $(BASE_CFLAGS) -Isrc -Itools -I$(O)/gen $(JIT_DEFS) $(DEFS) \
              $(HARDEN) $(CFLAGS) $(SAN_FLAGS) $(OWN_CFLAGS) -c -o $@ $<
link        = $(Q)echo '  LD   $@' && $(CC) $(SAN_FLAGS) $(SMALL_LDFLAGS) $(LDFLAGS) -o $@ $^

# Unused functions and libraries are left out, code and constants are one segment (without
# padding between them, mapped at once), and relocations are packed (of 24 bytes, a bit is
# left), where linker and C library know how.  Asked once, at the first link.
SMALL_LDFLAGS = $(eval SMALL_LDFLAGS := $(call links,$(LEAVE_OUT),1) \
                $(call links,$(FEW_SEGMENTS),1) $(call links,$(PACK_RELOCS),__GLIBC__ * 100 + __GLIBC_MINOR__ > 235))$(SMALL_LDFLAGS)
LEAVE_OUT   := -Wl,--gc-sections,--as-needed
FEW_SEGMENTS := -Wl,-z,noseparate-code
PACK_RELOCS := -Wl,-z,pack-relative-relocs
links = $(shell echo 'int main(void) { return sizeof(int[$2 ? 1 : -1]) == 0; }' | \
        $(CC) -x c -include limits.h -Wl,--fatal-warnings $1 -o $(O)/probe - 2>/dev/null && echo '$1')

# --- sources: every .c file of these folders

objects = $(patsubst %.c,$(O)/%.o,$(sort $(wildcard $1)))

OBJ_base   := $(call objects,src/base/*.c)
OBJ_isa    := $(OBJ_base) $(call objects,src/isa/*.c src/isa/fp/*.c)
OBJ_isagen := $(OBJ_isa) $(filter-out %/main.o,$(call objects,tools/isagen/*.c))
# What only a JIT needs, and what takes its place.
OBJ_cache  := $(call objects,src/base/host_folder.c src/interp/cache.c src/interp/cache_write.c src/debug/cache_cmd.c)
OBJ_jit    := $(OBJ_cache) $(call objects,$(addprefix src/interp/,jit.c compiler.c collect.c loaded.c room.c cached.c cached_code.c ahead.c told.c count.c) $(addprefix src/user/,trace_jit.c symbols.c perf.c jit_debugger.c elf_parts.c functions.c needed.c warm.c))
OBJ_no_jit := $(call objects,src/debug/cache_none.c)
OBJ_rest   := $(filter-out %/tlb.o,$(foreach d,interp debug user,$(call objects,src/$d/*.c src/$d/*/*.c)))

# The generated C of each guest: gen/NAME.mk lists it in GEN_SRC.  GNU make makes
# such a file first and then starts again.
GEN_MK := $(foreach i,$(if $(wildcard tools/isagen/main.c),$(ISAS)),$(if $(wildcard isa-specs/$i/$i.isa),$(O)/gen/$i.mk))
ifneq ($(filter-out clean help format fuzz cross-%,$(or $(MAKECMDGOALS),all)),)
include $(GEN_MK)
endif
GEN_STENCILS := $(if $(GEN_SRC),$(O)/gen/stencils.c)
OBJ := $(filter-out $(if $(filter 0,$(LLVM)),$(OBJ_jit),$(OBJ_no_jit)),$(OBJ_isagen) $(OBJ_rest)) $(GEN_SRC:.c=.o) $(GEN_STENCILS:.c=.o)

# Whole machines are a program of their own, `rhea boot` runs it: the interpreter in it is
# compiled for addresses that are translated.
SYSTEM_JIT := $(if $(filter 0,$(LLVM)),,$(call objects,$(addprefix src/interp/,jit.c compiler.c collect.c loaded.c room.c cached.c cached_code.c told.c count.c)))
SYSTEM_INTERP := $(filter-out $(OBJ_jit) %/lockstep.o,$(call objects,src/interp/*.c)) $(SYSTEM_JIT) \
                 $(filter-out %/isas.o,$(foreach o,$(GEN_SRC:.c=.o),$(if $(findstring _interp_,$o)$(findstring /interp,$o),$o)))
SYSTEM_STAMPS := $(if $(GEN_SRC),$(O)/gen/system_stencils.c)
OBJ_system := $(OBJ_isagen) $(filter-out $(SYSTEM_INTERP),$(GEN_SRC:.c=.o)) $(SYSTEM_STAMPS:.c=.o) $(SYSTEM_INTERP:$(O)/%=$(O)/system/%) \
              $(foreach i,$(ISAS),$(call objects,src/isa/$i/*.c)) $(call objects,src/sys/*.c src/sys/*/*.c src/dev/*.c) \
              $(call objects,src/debug/isa_find.c src/debug/code_log.c $(wildcard src/debug/gdb*.c) $(if $(SYSTEM_JIT),src/interp/cache.c src/interp/cache_write.c)) $(O)/gen/riscv_sbi.o
# -lNAME, if there is such a library for HOST; its header may be another machine's.
has_library = $(shell t=$$(mktemp) && echo 'int main(void) { return 0; }' | \
              $(CC) -x c -include $1.h - $(LDFLAGS) -o $$t -l$2 2>/dev/null && echo -l$2; rm -f $$t)
# Compressed disk images: without one of these such an image is refused.
BLOCK_LIBS  := $(call has_library,zlib,z) $(call has_library,zstd,zstd)
# Networks in this process: without it -netdev user says so.
SLIRP_LIBS  := $(call has_library,slirp/libslirp,slirp)
OBJ_system  := $(filter-out %/src/sys/net/user$(if $(SLIRP_LIBS),_none).o,$(OBJ_system))
# Monitors for programs: without it -qmp says so.
JSON_LIBS   := $(call has_library,jansson,jansson)
OBJ_system  := $(filter-out $(if $(JSON_LIBS),%/monitor/qmp_none.o,%/monitor/qmp.o %/monitor/qmp_pci.o %/monitor/qmp_query.o %/monitor/qmp_schema.o),$(OBJ_system))
SYSTEM_LIBS := -lfdt $(BLOCK_LIBS) $(SLIRP_LIBS) $(JSON_LIBS)
SYSTEM_MISSING := $(strip $(if $(call has_library,libfdt,fdt),,libfdt) $(if $(filter -lz,$(BLOCK_LIBS)),,zlib))
ifeq ($(SYSTEM_MISSING),)
SYSTEM := $(O)/rhea-system $(O)/boards
else ifneq ($(filter all check install,$(or $(MAKECMDGOALS),all)),)
$(info no `rhea boot` in this build: no $(SYSTEM_MISSING) for $(HOST) (Debian: libfdt-dev zlib1g-dev))
endif

# What a test links with, by its folder; everything where this does not say.
OBJ_of_base/   := $(OBJ_base)
OBJ_of_isa/    := $(OBJ_isagen)
OBJ_of_isa/fp/ := $(OBJ_base) $(call objects,src/isa/fp/*.c)
OBJ_of_isagen/ := $(OBJ_isagen)
OBJ_dev        := $(OBJ_base) $(call objects,src/dev/*.c)
OBJ_of_dev/    := $(OBJ_dev)
OBJ_of_sys/    := $(filter-out %/system_main.o,$(OBJ_system))
OBJ_of_sys/block/ := $(OBJ_dev) $(call objects,src/sys/block/*.c)
TESTS   := $(patsubst %.c,$(O)/%,$(filter-out $(if $(filter 0,$(LLVM)),tests/llvmjit/% tests/user/symbols_test.c) $(if $(SYSTEM_MISSING),$(wildcard tests/sys/*_test.c)) $(if $(SLIRP_LIBS),,tests/sys/net_test.c),$(sort $(wildcard tests/*/*_test.c tests/*/*/*_test.c))))
FUZZERS := $(patsubst %.c,$(O)/%,$(filter-out $(if $(SYSTEM_MISSING),tests/fuzz/board.c tests/fuzz/monitor.c) $(if $(JSON_LIBS),,tests/fuzz/monitor.c),$(sort $(wildcard tests/fuzz/*.c))))
.SECONDARY: $(TESTS:=.o) $(FUZZERS:=.o)

# The JIT is a module that rhea loads at the first hot region.
ifneq ($(and $(filter-out 0,$(LLVM)),$(wildcard src/llvmjit/*.c)),)
ifeq ($(shell command -v $(LLVM_CONFIG)),)
$(error $(LLVM_CONFIG) not found: install llvm-19-dev, or build without the JIT with `make LLVM=0`)
endif
MODULES := $(O)/rhea-llvm.so
endif

# --- programs

# build/rhea is a link to what was built last for this machine.
LINKED := $(if $(SAN)$(findstring -gcc,$(CC)),,$(filter build/%,$(O)))
all: $(if $(wildcard src/main.c),$(O)/rhea $(O)/rhea-isa) $(SYSTEM) $(if $(wildcard tools/isagen/main.c),$(O)/isagen) $(MODULES)
	@test -z "$(LINKED)" || test ! -e $(O)/rhea || ln -sfn $(O:build/%=%)/rhea build/rhea

$(O)/rhea: $(O)/src/main.o $(OBJ)
	$(link) $(LDLIBS) -lm
$(O)/rhea-isa: $(O)/src/rhea_isa.o $(OBJ)
	$(link) $(LDLIBS) -lm
$(O)/rhea-system: $(OBJ_system)
	$(link) $(LDLIBS) $(SYSTEM_LIBS) -lm
$(O)/boards:
	$(Q)ln -sfn $(abspath boards) $@
$(O)/isagen: $(O)/tools/isagen/main.o $(OBJ_isagen)
	$(link) $(LDLIBS) -lm
# With LLVM's archives, where they are, it loads in 3 ms; libLLVM.so takes 12.
ifneq ($(wildcard $(shell $(LLVM_CONFIG) --libdir 2>/dev/null)/libLLVMPasses.a),)
LLVM_LINK = -Wl,--gc-sections,--exclude-libs,ALL,-Bsymbolic $(subst -lzstd,-l:libzstd.so.1,$(shell \
            $(LLVM_CONFIG) --link-static --ldflags --libs native passes --system-libs)) -lstdc++
else
LLVM_LINK = $(shell $(LLVM_CONFIG) --ldflags --libs)
endif
$(O)/rhea-llvm.so: $(call objects,src/llvmjit/*.c)
	$(link) -shared -Wl,-z,defs $(LLVM_LINK)

$(O)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(compile)
$(O)/gen/%.o: $(O)/gen/%.c Makefile
	$(compile)

$(O)/src/base/host_% $(O)/src/user/% $(O)/tests/%: private DEFS := $(HOSTED)
COLD := tools/ src/debug/ src/user/ src/interp/lockstep $(addprefix src/isa/,assemble encode eval example print sem. space. state stops stream) src/interp/accel src/interp/profile src/interp/share src/interp/template src/interp/cache_write $(addprefix src/base/,report arena host_memory host_signal host_thread host_cpu host_code host_folder host_fault) src/interp/mem_wide
$(COLD:%=$(O)/%%): private OWN_CFLAGS = $(COLD_CFLAGS)
$(O)/src/isa/fp/%: private OWN_CFLAGS = $(OS)
$(O)/src/sys/block/squeeze.o: private DEFS := $(BLOCK_LIBS:-l%=-DHAS_%)
$(O)/src/llvmjit/%: private OWN_CFLAGS = -fPIC $(shell $(LLVM_CONFIG) --cflags)
INTERP_OBJ := $(filter-out $(addprefix $(O)/src/interp/,accel.o lockstep.o share.o template.o cache.o cache_write.o),$(filter $(O)/src/interp/%,$(OBJ))) $(foreach o,$(filter $(O)/gen/%,$(OBJ)),$(if $(findstring _interp_,$o),$o))
$(INTERP_OBJ): private HARDEN :=
$(INTERP_OBJ): private OWN_CFLAGS := $(INTERP_CFLAGS)
# Soft float after all, and system registers: handlers of their own call these.
$(filter %_interp_fp.o,$(INTERP_OBJ)): private OWN_CFLAGS += $(OS)
$(foreach o,$(filter-out %_fp.o %_table.o $(O)/src/%,$(INTERP_OBJ)),$(eval $o: private OWN_CFLAGS += $(HANDLER_CFLAGS)))

# The same for whole machines.
SYSTEM_INTERP_OBJ := $(SYSTEM_INTERP:$(O)/%=$(O)/system/%)
$(SYSTEM_INTERP_OBJ): private DEFS := -DRHEA_SYSTEM=1
$(SYSTEM_INTERP_OBJ): private HARDEN :=
$(SYSTEM_INTERP_OBJ): private OWN_CFLAGS := $(INTERP_CFLAGS)
$(filter %_interp_fp.o,$(SYSTEM_INTERP_OBJ)): private OWN_CFLAGS += $(OS)
$(foreach o,$(filter-out %_fp.o %_table.o $(O)/system/src/%,$(SYSTEM_INTERP_OBJ)),$(eval $o: private OWN_CFLAGS += $(HANDLER_CFLAGS)))
$(O)/system/gen/%.o: $(O)/gen/%.c Makefile
	@mkdir -p $(@D)
	$(compile)
$(O)/system/src/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(compile)

# Stencils of each target's handlers, for the template tier, where tools/stencil knows the
# host's machine code: NAME.stencils beside the program, and its stamp in the program.
ifneq ($(and $(HANDLER_CFLAGS),$(filter -O2,$(INTERP_CFLAGS))),)
STENCIL_CFLAGS := $(filter-out -falign-functions=8 -fno-plt,$(INTERP_CFLAGS)) $(HANDLER_CFLAGS) -DSTENCIL -fno-pic -fno-pie -mcmodel=kernel \
                  -fno-jump-tables -fno-reorder-blocks-and-partition $(addprefix -falign-,functions=1 jumps=1 loops=1 labels=1)
TARGETS  := $(patsubst %_interp_table,%,$(filter %_interp_table,$(basename $(notdir $(GEN_SRC)))))
STENCILS := $(TARGETS:%=$(O)/%.stencils)
stencil_objects = $(patsubst $(O)/%.c,$(O)/stencil/%.o,$(foreach c,$(GEN_SRC),$(if $(findstring /$1_interp_,$c),$(filter-out %_fp.c %_table.c,$c)))) $(O)/stencil/goto.o
$(foreach t,$(TARGETS),$(eval $(O)/$t.stencils: $(filter %/$t_interp_table.o,$(GEN_SRC:.c=.o)) $(call stencil_objects,$t)))
endif
$(O)/stencil/%.o: private OWN_CFLAGS := $(STENCIL_CFLAGS)
$(O)/stencil/%.o: private HARDEN :=
$(O)/stencil/gen/%.o: $(O)/gen/%.c Makefile
	@mkdir -p $(@D)
	$(compile)
$(O)/stencil/goto.o: src/interp/goto.c Makefile
	@mkdir -p $(@D)
	$(compile)
$(STENCILS): $(O)/%.stencils: build/host/stencil
	$(Q)echo '  CUT  $@' && build/host/stencil $@ $(filter %.o,$^) >$(O)/gen/$*.stamp
$(GEN_STENCILS): $(STENCILS)
	$(Q)echo '  GEN  $@' && { echo '#include "interp/stencils.h"'; echo 'const struct stencil_stamp stencil_stamps[] = {'; \
	for t in $(TARGETS); do echo "{ \"$$t\", $$(cat $(O)/gen/$$t.stamp) },"; done; echo '{ 0 } };'; } >$@
# The same of the handlers for whole machines: NAME-system.stencils.
SYSTEM_STENCILS := $(STENCILS:%.stencils=%-system.stencils)
$(foreach t,$(if $(STENCILS),$(TARGETS)),$(eval $(O)/$t-system.stencils: $(patsubst $(O)/%,$(O)/system/%,$(filter %/$t_interp_table.o,$(GEN_SRC:.c=.o)) $(call stencil_objects,$t))))
$(O)/system/stencil/%.o: private OWN_CFLAGS := $(STENCIL_CFLAGS)
$(O)/system/stencil/%.o: private HARDEN :=
$(O)/system/stencil/%.o: private DEFS := -DRHEA_SYSTEM=1
$(O)/system/stencil/gen/%.o: $(O)/gen/%.c Makefile
	@mkdir -p $(@D)
	$(compile)
$(O)/system/stencil/goto.o: src/interp/goto.c Makefile
	@mkdir -p $(@D)
	$(compile)
$(SYSTEM_STENCILS): $(O)/%-system.stencils: build/host/stencil
	$(Q)echo '  CUT  $@' && build/host/stencil $@ $(filter %.o,$^) >$(O)/gen/$*-system.stamp
$(SYSTEM_STAMPS): $(SYSTEM_STENCILS)
	@mkdir -p $(@D)
	$(Q)echo '  GEN  $@' && { echo '#include "interp/stencils.h"'; echo 'const struct stencil_stamp stencil_stamps[] = {'; \
	for t in $(if $(STENCILS),$(TARGETS)); do echo "{ \"$$t\", $$(cat $(O)/gen/$$t-system.stamp) },"; done; echo '{ 0 } };'; } >$@
build/host/stencil: tools/stencil/main.c src/interp/stencils.h Makefile
	@mkdir -p $(@D)
	$(Q)echo '  CC   $@' && $(HOSTCC) $(filter-out -MMD -MP,$(BASE_CFLAGS)) -O2 -Isrc -o $@ $<

# What makes code of the JIT's own: part of the cache's key.
$(O)/gen/llvmjit_stamp.h: $(sort $(wildcard src/llvmjit/*.[ch])) src/interp/region.h Makefile
	@mkdir -p $(@D)
	$(Q)echo '  GEN  $@' && echo "#define LLVMJIT_STAMP \"LLVM $(shell $(LLVM_CONFIG) --version) $$(cat $^ | cksum | tr ' ' -)\"" >$@
$(O)/src/interp/cached.o $(O)/system/src/interp/cached.o: $(O)/gen/llvmjit_stamp.h

# isagen for the machine that builds, so that cross builds need no emulator.
ISAGEN   := build/host/isagen
HOST_OBJ := $(patsubst %.c,build/host/%.o,$(sort $(wildcard src/base/*.c src/isa/*.c src/isa/fp/*.c tools/isagen/*.c)))
$(ISAGEN): $(HOST_OBJ)
	$(Q)echo '  LD   $@' && $(HOSTCC) -o $@ $^ -lm
build/host/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)echo '  CC   $@' && $(HOSTCC) $(BASE_CFLAGS) -O2 -g -Isrc -Itools $(DEFS) -c -o $@ $<
build/host/src/base/host_%: private DEFS := $(HOSTED)

# isagen writes C files, and the names of the specs that it read to NAME.d.  Only those
# that changed are put into gen/NAME/, so that only they are compiled again.
$(GEN_MK): $(O)/gen/%.mk: $(ISAGEN)
	$(Q)echo '  GEN  $(O)/gen/$*' && rm -rf $(O)/gen/$*.new && mkdir -p $(O)/gen/$*.new $(O)/gen/$*
	$(Q)$(ISAGEN) --out $(O)/gen/$*.new $(TARGET:%=--target %) isa-specs/$*/$*.isa
	$(Q)cd $(O)/gen/$*.new && for f in *; do cmp -s $$f ../$*/$$f || cp $$f ../$*/; done
	$(Q){ sed 's|^[^:]*:|$@:|' $(O)/gen/$*.new/$*.d; \
	      echo GEN_SRC += $$(cd $(O)/gen/$*.new && ls *.c | sed 's|^|$(O)/gen/$*/|'); } >$@
isa-specs/%.isa isa-specs/%.pairs: ;

# rhea's own firmware, assembled from the spec by rhea's own assembler.
ASSEMBLE := build/host/assemble
$(ASSEMBLE): $(filter-out %/isagen/main.o,$(HOST_OBJ)) $(patsubst %.c,build/host/%.o,src/debug/isa_program.c src/debug/isa_bytes.c tools/assemble/main.c)
	$(Q)echo '  LD   $@' && $(HOSTCC) -o $@ $^ -lm
$(O)/gen/riscv_sbi.c: firmware/riscv-sbi.S $(ASSEMBLE) $(wildcard isa-specs/riscv/*.isa)
	@mkdir -p $(@D)
	$(Q)echo '  ASM  $@' && { echo '#include "sys/firmware.h"'; for x in 64 32; do \
	$(HOSTCC) -E -P -x assembler-with-cpp -DXLEN=$$x $< >$(@D)/riscv_sbi$$x.s && \
	$(ASSEMBLE) isa-specs/riscv/riscv.isa:riscv$$x rv$${x}max,-c,-zcb $(@D)/riscv_sbi$$x.s riscv_sbi$$x || exit; done; } >$@

# --- tests

CHECK_CFLAGS = $(shell pkg-config --cflags check)
CHECK_LIBS   = $(or $(shell pkg-config --libs check),$(error no Check library: see `tools/setup make check`))
$(O)/tests/%: private OWN_CFLAGS = -Itests $(CHECK_CFLAGS)
$(O)/tests/%_test: $(O)/tests/%_test.o $$(or $$(OBJ_of_$$(dir $$*)),$(OBJ))
	$(link) $(CHECK_LIBS) $(LDLIBS) -lm
$(O)/tests/interp/cache_test $(O)/tests/fuzz/cache: $(filter-out %_cmd.o,$(OBJ_cache))
$(O)/tests/fuzz/dev $(O)/tests/fuzz/pci $(O)/tests/fuzz/virtqueue $(O)/tests/fuzz/qcow2: $(filter-out $(OBJ_base),$(OBJ_dev))
$(O)/tests/fuzz/board: $(call objects,$(addprefix src/sys/,board.c board_device.c board_file.c board_words.c board_write.c fdt.c))
$(patsubst %.c,$(O)/%,$(wildcard tests/sys/*_test.c)) $(O)/tests/fuzz/board: private LDLIBS += $(SYSTEM_LIBS)
$(O)/tests/fuzz/elf: $(O)/src/user/functions.o $(O)/src/user/elf_parts.o
$(O)/tests/fuzz/qcow2: $(call objects,src/sys/block/*.c)
$(O)/tests/sys/block/%_test $(O)/tests/fuzz/qcow2: private LDLIBS += $(BLOCK_LIBS)
include tests/isagen/hard.mk
# Tests of parts of the JIT play the parts around them.
$(O)/tests/llvmjit/%: private OWN_CFLAGS = -Itests $(CHECK_CFLAGS) $(shell $(LLVM_CONFIG) --cflags)
$(O)/tests/llvmjit/%_test: LDLIBS += $(shell $(LLVM_CONFIG) --ldflags --libs)
$(O)/tests/llvmjit/fp_test: $(call objects,src/llvmjit/lift_fp*.c)
$(O)/tests/llvmjit/region_test: $(O)/tests/llvmjit/region_rows.o
-include $(O)/tests/llvmjit/region_rows.d
WRAP := -Wl,--wrap=
# All of a machine; it plays the other ends of its lines.
$(O)/tests/fuzz/monitor: $(O)/tests/fuzz/monitor.o $(filter-out %/char/chardev.o,$(OBJ_of_sys/))
	$(link) $(FUZZ_LDFLAGS) $(addprefix $(WRAP),fopen host_open_file host_listen host_accept host_remove) $(LDLIBS) $(SYSTEM_LIBS) -lm
$(O)/tests/fuzz/%: $(O)/tests/fuzz/%.o $(OBJ)
	$(link) $(FUZZ_LDFLAGS) $(LDLIBS) -lm

SCRIPTS := $(wildcard tests/layers tests/docs tests/format tests/tailcall tests/*/*.test tests/*/*/*.test)
TESTENV  = RHEA=$(abspath $(O))/rhea ISAGEN=$(abspath $(O))/isagen O=$(abspath $(O)) RUN="$(RUN)" SAN="$(SAN)" RHEA_CACHE="$(RHEA_TEST_CACHE)"
check: all $(TESTS) $(FUZZERS)
	@$(TESTENV) tests/run $(TESTS) $(FUZZERS) $(SCRIPTS)
check-long: all $(TESTS) $(FUZZERS)
	@$(TESTENV) RHEA_LONG=1 RHEA_FP_OPS=100000000 tests/run $(TESTS) $(FUZZERS) $(SCRIPTS) $(wildcard tests/*/*.long)
unit: $(TESTS) # only the C programs: what a cross build can run
	@$(TESTENV) tests/run $(TESTS)
bench: all
	@$(TESTENV) tests/bench/run
	@$(TESTENV) tests/bench/process
	@$(TESTENV) tests/bench/machine
fuzz: ; tests/run-fuzz
demo: all
	@$(TESTENV) tools/demo
cross-%:
	+tests/cross $*

# --- the rest

install: all
	install -D $(O)/rhea $(DESTDIR)$(PREFIX)/bin/rhea
	install -D $(O)/rhea-isa $(DESTDIR)$(PREFIX)/bin/rhea-isa
	install -D -m 644 docs/rhea.1 $(DESTDIR)$(PREFIX)/share/man/man1/rhea.1
	$(if $(STENCILS),install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/rhea $(STENCILS) $(if $(SYSTEM),$(SYSTEM_STENCILS)))
	$(if $(SYSTEM),install -D $(O)/rhea-system $(DESTDIR)$(PREFIX)/bin/rhea-system)
	$(if $(SYSTEM),install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/rhea/boards boards/*)
	for f in isa-specs/*/*.isa; do install -D -m 644 $$f $(DESTDIR)$(PREFIX)/share/rhea/$$f; done
	$(if $(MODULES),install -D -t $(DESTDIR)$(PREFIX)/lib/rhea $(MODULES))
format:
	clang-format -i $$(git ls-files '*.[ch]')
clean: ; rm -rf build
help:
	@sed -n '3,/^$$/s/^# //p' Makefile
	@echo "Targets:    all check check-long unit bench demo fuzz cross-TRIPLE install format clean"

.PHONY: all check check-long unit bench demo fuzz install format clean help
-include $(patsubst %.o,%.d,$(OBJ) $(OBJ_system) $(call objects,src/llvmjit/*.c) $(foreach t,$(TARGETS),$(call stencil_objects,$t) $(patsubst $(O)/%,$(O)/system/%,$(call stencil_objects,$t))) $(HOST_OBJ) build/host/tools/assemble/main.o $(O)/src/main.o $(O)/src/rhea_isa.o $(O)/tools/isagen/main.o)
-include $(patsubst %,%.d,$(TESTS) $(FUZZERS))
