/*
 * Patch 01: kvm_arch_memslots_updated() runs before the new generation is stored, no longer after.
 *
 * Install x access. An MMIO SPTE was made when the generation was 0. Memory was created at its gfn
 * since, which brought the generation to 4. The install modelled here, which is about another
 * slot, brings it to 8: with two bits of generation in an SPTE that looks like 0 again, so the hook
 * must zap the entry. Meanwhile a vCPU accesses the gfn.
 *
 * -DPATCH       with the patch; without it the kernel as it was
 * -DGONE_ENTRY  asks whether an entry can be believed that has been zapped since it was read;
 *               without it, whether one can that is still there
 */

#define FLUX     1			/* an update is in progress: bit 0 of a generation */
#define STEP     4			/* what an install adds, with two address spaces */
#define FIELD(g) (((g) >> 1) & 3)	/* what an SPTE keeps of a generation: two bits, not 19 */

mtype = { none, mmio, ram };

byte generation = STEP;		/* of the published set */
mtype spte = mmio;		/* the entry of the gfn */
byte spte_field = 0;		/* its generation, if it is an MMIO SPTE */

bool mmu_lock;
bool walks;			/* the vCPU reads the tables without mmu_lock */

/* SRCU with one reader: its section began after so many publications; 0, it is in none. */
byte publications = 1;
byte section;

inline spin_lock()        { atomic { !mmu_lock -> mmu_lock = true } }
inline spin_unlock()      { mmu_lock = false }
inline srcu_read_lock()   { atomic { section = publications } }
inline srcu_read_unlock() { section = 0 }
inline synchronize_srcu() { (section == 0 || section == publications) }

/* A wrap drops every shadow page; the flush of the zap waits for lockless walks. */
inline kvm_arch_memslots_updated(new)
{
	if
	:: FIELD(new) == 0 ->
		spin_lock();
		spte = none;
		!walks;
		spin_unlock()
	:: else
	fi
}

active proctype writer()
{
	byte new = generation + STEP;

	d_step { generation = generation | FLUX; publications++ }
	synchronize_srcu();
#ifdef PATCH
	kvm_arch_memslots_updated(new);
	generation = new
#else
	generation = new;
	kvm_arch_memslots_updated(new)
#endif
}

active proctype vcpu()
{
	mtype entry;
	byte field;
	bool match, gone;

enter:	/* In guest mode the CPU walks the tables. */
	if
	:: atomic { spte == ram  -> goto reached }
	:: atomic { spte == mmio -> goto reserved }
	:: atomic { spte == none -> goto not_present }
	fi;

reserved:	/* handle_mmio_page_fault; the per-vCPU cache is about another address */
	srcu_read_lock();
	walks = true;
	d_step { entry = spte; field = spte_field };
	walks = false;
	if
	:: entry != mmio ->
		srcu_read_unlock();
		goto enter
	:: else
	fi;
	/* check_mmio_spte reads the generation now: the flag of an update is never in an entry. */
	d_step {
		match = !(generation & FLUX) && FIELD(generation) == field;
		gone = spte != mmio
	};
	if
	:: match ->
		/* It fills the cache, and the emulator asks the cache: an MMIO exit over memory. */
#ifdef GONE_ENTRY
		assert(!gone);
#else
		assert(gone);
#endif
		srcu_read_unlock();
		goto reached
	:: else -> goto fault
	fi;

not_present:
	srcu_read_lock();

fault:	/* The lookup finds the slot: the access began after it was created. */
	spin_lock();
	spte = ram;
	spin_unlock();
	srcu_read_unlock();
	goto enter;

reached:
	skip
}
