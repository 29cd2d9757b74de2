package commitment

import "bytes"

// A mark is a place in a log where words stand that only lines about commitments have. Everything else of a log is passed over, as fast as
// the machine finds one byte: all marks have a capital C in them, which logs of Canton have once or twice in a line.
type mark int

const (
	markAgreement mark = iota // "Commitment correct for sender "
	markPeriod                // "CommitmentPeriod("
	markClass                 // the class that says it
	markMismatch              // the code of a mismatch
	markReceived              // "ReceivedAcsCmt(", at its C
	markSent                  // "SentAcsCmt(", at its C
)

// behind is how many bytes before its C a mark may begin.
const behind = 16

var (
	classMark   = []byte("CommitmentProcessor")
	matcherMark = []byte("CommitmentMatcher")
	cmtMark     = []byte("Cmt(")
	receivedAcs = receivedHead[:len(receivedHead)-len(cmtMark)]
	sentAcs     = sentHead[:len(sentHead)-len(cmtMark)]
)

// nextMark finds the first mark at or after from; -1 where there is none.
func nextMark(b []byte, from int) (int, mark) {
	for from < len(b) {
		i := bytes.IndexByte(b[from:], 'C')
		if i < 0 {
			break
		}
		from += i
		if from+len(cmtMark) <= len(b) {
			if kind, ok := markAt(b, from); ok {
				return from, kind
			}
		}
		from++
	}
	return -1, 0
}

func markAt(b []byte, at int) (mark, bool) {
	switch rest := b[at:]; rest[1] {
	case 'o':
		switch {
		case len(rest) < 13 || rest[2] != 'm' || rest[3] != 'm' || rest[4] != 'i':
		case rest[10] == ' ' && bytes.HasPrefix(rest, agreementHead):
			return markAgreement, true
		case rest[10] == 'P' && bytes.HasPrefix(rest, periodHead):
			return markPeriod, true
		case bytes.HasPrefix(rest, classMark), bytes.HasPrefix(rest, matcherMark):
			return markClass, true
		}
	case 'O':
		return markMismatch, bytes.HasPrefix(rest, mismatchCode)
	case 'S':
		return markMismatch, bytes.HasPrefix(rest, noSharedCode)
	case 'm':
		switch before := b[max(0, at-behind):at]; {
		case !bytes.HasPrefix(rest, cmtMark):
		case bytes.HasSuffix(before, receivedAcs):
			return markReceived, true
		case bytes.HasSuffix(before, sentAcs):
			return markSent, true
		}
	}
	return 0, false
}
