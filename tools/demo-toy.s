# demo-toy.s - for isa-specs/toys/tiny.isa, which cannot multiply: 2 * 21.
        li r1, 21       # what is added
        li r2, 2        # how often
        li r4, -1
loop:   add r3, r3, r1
        add r2, r2, r4  # one less; z says whether none is left
        bz done
        add r5, r5, r5  # 0: sets z
        bz loop
done:   halt
