/*
 * Patch 03: the per-vCPU cache is not filled while an update is in flux.
 *
 * Install x access. The writer creates a slot; a vCPU reads its gfn twice. An access that begins
 * after the set with the slot was published reaches the memory. The hook of the install has
 * nothing to do, the generation does not wrap, and so nobody but the vCPU takes mmu_lock.
 *
 * -DPATCH  with the patch; without it the kernel with patches 01 and 02
 */

#define FLUX     1		/* an update is in progress: bit 0 of a generation */
#define STEP     4		/* what an install adds, with two address spaces */
#define FIELD(g) ((g) >> 1)	/* what an SPTE keeps of a generation: not the flag */
#define EMPTY    255		/* a cache that answers for nothing */

mtype = { none, mmio, ram };

byte generation = STEP;		/* of the published set */
bool slot;			/* whether that set has memory at the gfn */
mtype spte = none;		/* the entry of the gfn */
byte spte_field;		/* its generation, if it is an MMIO SPTE */

bool mmu_lock;

/* SRCU with one reader: its section began after so many publications; 0, it is in none. */
byte publications = 1;
byte section;

inline spin_lock()        { atomic { !mmu_lock -> mmu_lock = true } }
inline spin_unlock()      { mmu_lock = false }
inline srcu_read_lock()   { atomic { section = publications } }
inline srcu_read_unlock() { section = 0 }
inline synchronize_srcu() { (section == 0 || section == publications) }

active proctype writer()
{
	byte new = generation + STEP;

	d_step { slot = true; generation = generation | FLUX; publications++ }
	synchronize_srcu();
	generation = new
}

inline vcpu_cache_mmio_info()
{
#ifdef PATCH
	seen = generation;
	if
	:: seen & FLUX
	:: else -> cache = seen
	fi
#else
	cache = generation
#endif
}

active proctype vcpu()
{
	byte accesses, cache = EMPTY, seen, field;
	mtype entry;
	bool began_after, found, match, retried;

next:
	if
	:: accesses == 2 -> goto end
	:: else -> accesses++
	fi;
	retried = false;
	began_after = slot;

enter:	/* In guest mode the CPU walks the tables. */
	if
	:: atomic { spte == ram  -> goto next }
	:: atomic { spte == mmio -> goto reserved }
	:: atomic { spte == none -> goto not_present }
	fi;

reserved:	/* handle_mmio_page_fault */
	srcu_read_lock();
	if
	:: cache == generation -> goto emulate
	:: else
	fi;
	d_step { entry = spte; field = spte_field };
	if
	:: entry != mmio ->
		srcu_read_unlock();
		goto enter
	:: else
	fi;
	d_step { match = !(generation & FLUX) && FIELD(generation) == field };
	if
	:: match ->
		vcpu_cache_mmio_info();
		goto emulate
	:: else -> goto fault
	fi;

not_present:
	srcu_read_lock();

fault:
	found = slot;
	if
	:: found ->
		spin_lock();
		spte = ram;
		spin_unlock();
		srcu_read_unlock();
		goto enter
	:: else
	fi;
	vcpu_cache_mmio_info();
	spin_lock();
	d_step { spte = mmio; spte_field = FIELD(generation) };
	spin_unlock();
	/* A load that the cache does not answer is tried again once before it is emulated. */
	if
	:: cache != generation && !retried ->
		retried = true;
		srcu_read_unlock();
		goto enter
	:: else
	fi;

emulate:	/* An MMIO exit if the cache says so; else through the slots published now. */
	if
	:: cache == generation -> assert(!began_after)
	:: cache != generation ->
		if
		:: slot
		:: !slot -> assert(!began_after)
		fi
	fi;
	srcu_read_unlock();
	goto next;

end:
	skip
}
