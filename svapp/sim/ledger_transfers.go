package sim

import (
	"net/http"
	"slices"
	"time"
)

// transfer is one by the token standard (reference/apis.md 6.4). Acceptance itself completes it. That it locks what it is about was not
// verified.
type transfer struct {
	tracking, sender, receiver, description, contract string
	value                                             coin
	made, expires                                     time.Time
	reserve                                           *amulet // locked until it is settled; nil when it is
	settled                                           string  // accepted, rejected, withdrawn, lapsed, completed at once, or failed; empty: pending
}

func (l *Ledger) transferOf(sender, tracking string) *transfer {
	for _, t := range l.transfers {
		if t.sender == sender && t.tracking == tracking {
			return t
		}
	}
	return nil
}

// makeTransfer creates a transfer instruction or, where the receiver has a preapproval, transfers at once. Too little is told as a transfer
// that failed, in the shape that reference/apis.md 6.4 gives for one.
func (l *Ledger) makeTransfer(t *transfer) (any, error) {
	if !l.known(t.receiver) {
		return nil, absent("PARTIES_NOT_KNOWN_ON_LEDGER(11,0): Parties not known on ledger: " + t.receiver) // not verified
	}
	t.made = l.now
	to := t.sender
	if l.preapproved[t.receiver] {
		to = t.receiver
	}
	change, arrived, err := l.move(t.sender, to, t.value)
	if change == nil {
		change = []string{}
	}
	l.transfers = append(l.transfers, t)
	switch {
	case err != nil:
		t.settled = "failed"
		return map[string]any{"output": map[string]any{}, "sender_change_cids": change, "meta": map[string]any{}}, nil
	case to == t.receiver:
		t.settled = "completed at once"
		l.created[t.tracking]++
		return map[string]any{"output": map[string]any{"receiver_holding_cids": []string{arrived.id}}, "sender_change_cids": change, "meta": map[string]any{}}, nil
	}
	l.created[t.tracking]++
	arrived.locked, t.reserve, t.contract = true, arrived, l.id()
	l.at(t.expires, func() { l.lapse(t) })
	return map[string]any{"output": map[string]any{"transfer_instruction_cid": t.contract}, "sender_change_cids": change, "meta": map[string]any{}}, nil
}

// lapse gives back what an expired instruction has locked. Who does so upstream, and when, was not verified: here it is the sender's automation.
func (l *Ledger) lapse(t *transfer) {
	if t.settled == "" && l.tended[t.sender] > 0 {
		l.release(t, "lapsed")
	}
}

func (l *Ledger) release(t *transfer, how string) {
	t.settled, t.reserve.locked, t.reserve = how, false, nil
}

// settleTransfer is what a party does to a transfer instruction.
func (l *Ledger) settleTransfer(party, contract, verb string) (any, error) {
	for _, t := range l.transfers {
		by := t.receiver
		if verb == "withdraw" {
			by = t.sender
		}
		if t.contract != contract || t.settled != "" || by != party {
			continue
		}
		output := map[string]any{}
		switch verb {
		case "accept":
			if !l.now.Before(t.expires) {
				return nil, &refusal{http.StatusConflict, "UNHANDLED_EXCEPTION(9,0): the transfer instruction has expired"} // wording not verified
			}
			kept := t.reserve
			l.release(t, "accepted")
			l.coins = slices.DeleteFunc(l.coins, func(a *amulet) bool { return a == kept })
			output["receiver_holding_cids"] = []string{l.mint(t.receiver, kept.initial).id}
		case "reject":
			l.release(t, failedRejected)
		default:
			l.release(t, failedWithdrawn)
		}
		return map[string]any{"output": output, "sender_change_cids": []string{}, "meta": map[string]any{}}, nil
	}
	return nil, absent("CONTRACT_NOT_FOUND(11,0): Contract could not be found with id " + contract)
}

// transfersOf are the pending ones that a party's wallet sees, in both roles. The fields of their payload were not verified.
func (l *Ledger) transfersOf(party string) []any {
	list := []any{}
	for _, t := range l.transfers {
		if t.settled != "" || t.sender != party && t.receiver != party || t.made.Add(l.o.Ingest).After(l.now) {
			continue
		}
		list = append(list, l.dated(contract("pkg:Splice.AmuletTransferInstruction:AmuletTransferInstruction", t.contract, map[string]any{
			"lockedAmulet": t.reserve.id, "transfer": map[string]any{"sender": t.sender, "receiver": t.receiver, "amount": coinText(t.value), "requestedAt": stamp(t.made),
				"executeBefore": stamp(t.expires), "instrumentId": map[string]any{"admin": l.o.DSO, "id": "Amulet"}, "inputHoldingCids": []string{t.reserve.id},
				"meta": map[string]any{"values": map[string]any{"splice.lfdecentralizedtrust.org/reason": t.description}}}}), t.made))
	}
	return list
}
