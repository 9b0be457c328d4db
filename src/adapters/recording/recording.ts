import { type FtraceLine, readFtrace } from "./ftrace.ts";

/**
 * What a real kernel did, command by command: a trace whose markers carry the commands that drove
 * it.
 */
export interface Recording {
  readonly commands: readonly RecordedCommand[];
  /** Lines that are not ftrace text. */
  readonly foreign: number;
}

export interface RecordedCommand {
  /** Line of the marker in the file. */
  readonly line: number;
  /** The command as written: `touch 0 0x5000 r`. */
  readonly text: string;
  /**
   * What the driver said at its end: the value read, MMIO exits. Null if the recording ends before.
   */
  readonly answer: string | null;
  readonly observations: readonly Observation[];
}

/** Something the kernel did, in the words that the model's events are rendered in (`render.ts`). */
export interface Observation {
  readonly line: number;
  readonly text: string;
}

const BEGIN = /^CMD \d+ (.*)$/;
const END = /^END \d+ rc -?\d+ ?(.*)$/;

/** Reads a recording. */
export function readRecording(text: string): Recording {
  const { lines, foreign } = readFtrace(text);
  const commands: (RecordedCommand & { answer: string | null; observations: Observation[] })[] = [];
  let open = false;
  let freeing = false;
  for (const line of lines) {
    const current = commands.at(-1);
    if (line.event === "tracing_mark_write") {
      const begin = BEGIN.exec(line.text);
      const end = END.exec(line.text);
      if (begin !== null) {
        commands.push({ line: line.line, text: begin[1]!, answer: null, observations: [] });
        open = true;
      } else if (end !== null && current !== undefined) {
        current.answer = end[1]!.trim();
        open = false;
      }
      continue;
    }
    // Page headers are freed from a commit; those freed elsewhere were spare ones of a vCPU.
    freeing = line.event === "commit" || (freeing && FREES.has(line.event));
    if (line.event === "kmfree" && !freeing) continue;
    const observed = observation(line);
    if (open && observed !== null) current!.observations.push({ line: line.line, text: observed });
  }
  return { commands, foreign };
}

/** What may come between a commit and the pages that it frees. */
const FREES = new Set(["flush_remote", "kmfree", "kvm_entry", "kvm_exit"]);

/** A line in the model's words; null for what the model does not speak of. */
function observation({ event, text }: FtraceLine): string | null {
  switch (event) {
    case "kvm_mmu_get_page":
    case "kvm_mmu_prepare_zap_page":
    case "kvm_mmu_sync_page":
    case "kvm_mmu_unsync_page":
    case "check_mmio_spte":
    case "handle_mmio_page_fault":
    case "kvm_mmu_invalidate_zap_all_pages":
      return `${event}: ${text}`;
    case "mark_mmio_spte":
      return `${event}: ${text.replace(/^sptep:\S+ /, "")}`;
    case "updated":
      return `kvm_arch_memslots_updated: ${text.replace(/-?\b(0x[\da-f]+|\d+)\b(?!=)/g, unsignedHex)}`;
    case "flush_remote":
      return "kvm_flush_remote_tlbs";
    case "reload_remote":
      return "kvm_reload_remote_mmus";
    case "commit":
      return "kvm_mmu_commit_zap_page";
    case "kmfree":
      return "kvm_mmu_free_page";
    case "lockbreak":
      return "lock dropped";
    default:
      return null;
  }
}

/** A generation, printed as signed decimal by some kernels' probes, as unsigned hexadecimal. */
function unsignedHex(number: string): string {
  const magnitude = BigInt(number.replace("-", ""));
  return BigInt.asUintN(64, number.startsWith("-") ? -magnitude : magnitude).toString(16);
}
