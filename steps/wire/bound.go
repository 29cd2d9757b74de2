package wire

import "fmt"

// Bound is what an answer that was written in advance must name before it may destroy something: the thing that is changed, and
// what it is restored from. A person at a screen has read both there; a file that was meant for another node, or for the backup of
// last week, must not fit by its word alone.
type Bound struct {
	Target string `json:"target,omitempty"` // uid of what is changed
	Backup string `json:"backup,omitempty"` // id of the backup set
}

func (b Bound) String() string { return fmt.Sprintf("target %q and backup %q", b.Target, b.Backup) }

// Fits says whether an answer that was written in advance for answered may be given where b is asked about; the error is a sentence.
// Where b is nil nothing names what is destroyed.
func (b *Bound) Fits(answered Bound) error {
	switch {
	case b == nil:
		return fmt.Errorf("what this destroys cannot be named in advance, so a person must answer it")
	case answered == Bound{}:
		return fmt.Errorf("an answer written in advance that destroys must name %s; svrescue plan PATH --format json prints what to write", b)
	case answered != *b:
		return fmt.Errorf("that answer is for %s, and this is %s", answered, b)
	}
	return nil
}
