package pyre

// opcode is what an instruction does. Each goes on at next unless it says
// otherwise, and backs up to the latest choice if it does not match.
type opcode uint8

const (
	opMatch      opcode = iota // the whole pattern has matched
	opByte                     // the byte b
	opString                   // the text lit
	opWord                     // the text lit, short, also in min and max
	opFold                     // the text lit, its ASCII letters in either case
	opClass                    // one character of class
	opOption                   // one character of class if there is one: never given back
	opSpan                     // min to max characters of class: never given back
	opUntil                    // opSpan of all characters but the byte b, from none or one on
	opRun                      // opSpan of any number of characters, from none or one on
	opTriple                   // opSpan of three characters at most
	opStar                     // min to max characters of class, as many as possible first
	opReach                    // opStar, from none or one on without limit, that a text (slot) must come after
	opLazy                     // min to max characters of class, as few as possible first
	opSplit                    // next or alt, next first
	opRound                    // the same at the head of a loop: visits count as steps
	opAlt                      // one of alts, in order
	opSave                     // the position goes to slot
	opTextStart                // \A
	opLineStart                // ^ with MultiLine
	opTextEnd                  // \Z
	opFinalBreak               // $
	opLineEnd                  // $ with MultiLine
	opBoundary                 // \b, or \B if negate
	opAhead                    // the next character is one of class (negate: is not, or there is none)
	opBehind                   // the same for the character before
	opAheadText                // the text lit is next (negate: is not)
	opLook                     // begins a look-around whose body is at next; alt follows it
	opAtomic                   // begins an atomic group whose body is at next; alt follows it
	opEndLook                  // ends the body of a look-around
	opEndAtomic                // ends the body of an atomic group
	opBackref                  // what slot and slot+1 enclose
	opCond                     // next if slot and slot+1 are set, else alt
	opLoopInit                 // begins loop: no rounds yet
	opLoop                     // next for another round of loop, or alt after it
	opNeed                     // the text lit comes, here or later
	opFail                     // never matches
)

// inst is one instruction. It fills one cache line.
type inst struct {
	op     opcode
	b      byte  // opByte
	end    uint8 // tab's answer where the text has ended; opWord: bits that do not count
	negate bool
	icase  bool // opBackref
	ascii  bool // opBackref
	lazy   bool // opLoop: try what follows first
	self   int32
	next   int32
	alt    int32  // the other way; opStar, opReach, opLazy: index into seconds, 0 for none
	slot   int32  // opSave, opBackref, opCond; opLoop, opLoopInit: index of the loop; opLook: characters to step back; opAlt: index into alts; opWord: length; opReach, opLazy: index into texts, 0 for none
	min    int32  // opSplit, opRound, opAlt: index of the first of their targets
	max    int32  // -1 without limit; opSplit, opRound, opAlt: index into ways
	lit    string // opString, opWord, opFold, opAheadText; of repeats: a text that stops them
	class  *class
	tab    *[256]uint8 // by next byte: which target of opSplit, opRound, opAlt; whether next of opStar, opReach, opLazy can
}

// altTable holds the ways of an opAlt. Its waysTable gives an index into
// masks, in which bit i stands for ways[i].
type altTable struct {
	ways  []int32
	masks []uint32
}

// second tells what may come after the first character that follows a repeat,
// if that character is ASCII: by byte, and whether the text may end.
type second struct {
	tab *[256]uint8
	end bool
}

// maxWays is how many alternatives one opAlt takes.
const maxWays = 32

// program is a pattern ready to run.
type program struct {
	insts   []inst
	memo    []int32 // by instruction: index into memos, -1 if failures are not kept
	alts    []altTable
	targets []target
	ways    []waysTable
	texts   [][]byte
	seconds []second
	start   int32
	slots   int // two for each group
	loops   int
	rows    int // of the table of failures
	memos   []memoRow

	*facts
	skip *class // a match that fails somewhere in a run of these fails in all the rest of it
}
