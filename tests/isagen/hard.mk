# The hard specs as C for hard_test, in gen/hard/NAME/.  Only made for goals that test.
HARD    := $(basename $(notdir $(sort $(wildcard tests/isagen/hard/*.isa))))
HARD_TESTS := atomics faults flags hard
HARD_MK := $(HARD:%=$(O)/gen/hard/%.mk)

ifneq ($(filter check check-long unit $(O)/tests/isagen/%,$(MAKECMDGOALS)),)
include $(HARD_MK)
endif
$(HARD_MK): $(O)/gen/hard/%.mk: tests/isagen/hard/%.isa $(ISAGEN)
	@mkdir -p $(O)/gen/hard/$* $(O)/gen/hard/$*.new && rm -f $(O)/gen/hard/$*.new/*
	$(Q)$(ISAGEN) -W --no-examples --out $(O)/gen/hard/$*.new $<
	$(Q)cd $(O)/gen/hard/$*.new && rm -f isas.c $*.d && \
	    for f in *; do cmp -s $$f ../$*/$$f || cp $$f ../$*/; done
	$(Q)echo HARD_SRC += $$(cd $(O)/gen/hard/$*.new && ls *.c | sed 's|^|$(O)/gen/hard/$*/|') >$@
$(O)/gen/hard/isas.c: $(ISAGEN) tests/isagen/hard.mk
	$(Q)$(ISAGEN) --list $@ $(HARD)

HARD_OBJ := $(HARD_SRC:.c=.o) $(O)/gen/hard/isas.o
$(HARD_OBJ): private HARDEN :=
# Guest accesses are not ours: a 64-bit guest's may lie outside of the window of this test.
$(HARD_OBJ): private SAN_FLAGS := $(if $(SAN),-fsanitize=undefined -fno-sanitize-recover=all)
# Few of these handlers ever run, so that compiling them is what costs.
$(HARD_OBJ): private OWN_CFLAGS := $(filter-out -O2,$(INTERP_CFLAGS)) $(if $(SAN),-O0,-O1) -Wno-unused
$(HARD_TESTS:%=$(O)/tests/isagen/%_test): $(filter $(O)/src/interp/%,$(OBJ)) $(HARD_OBJ) $(GEN_STENCILS:.c=.o)
-include $(HARD_OBJ:.o=.d)
