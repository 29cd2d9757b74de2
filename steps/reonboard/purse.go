package reonboard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reonboard/payment"
	"canton.example/svrescue/svapp"
)

// account is who pays whom, by which wallets. It comes from the facts, so an action made of it is the same in every process.
type account struct {
	where            kube.Where
	run              string
	namespace        string // of the stored intent
	sender, receiver steps.App
	from, to         string // parties
	kind             payment.Kind
	validity         time.Duration
	here             bool // this run accepts in the receiver's wallet
	migration        int64
	plan             string // hash of the plan that was shown
}

func accountOf(f Facts) account {
	plan := ""
	if f.Transfers.Plan != nil {
		plan = f.Transfers.Plan.Hash()
	}
	return account{where: f.Where, run: f.Run, namespace: f.Validator.Namespace, sender: f.Validator.App, receiver: f.Fresh.Wallet,
		from: f.Old.Party, to: f.Transfers.Receiver, kind: f.Transfers.Kind, validity: time.Duration(f.Transfers.Days) * 24 * time.Hour,
		here: f.Transfers.Accepts == acceptsHere, migration: f.Old.MigrationID, plan: plan}
}

func (a account) name() string { return payment.Name(a.from, a.to) }

// payer pays by what is stored; without hands it only looks.
func (a account) payer(w steps.World, h *steps.Hands) payment.Payer {
	book, p := a.book(w, h), &purse{account: a, world: w}
	book.plan = a.plan
	if h != nil {
		p.wallets = h.Wallets
	}
	return payment.Payer{Book: book, Purse: p, Validity: a.validity,
		Mark: func() payment.Mark { return payment.Mark{Run: a.run, At: w.Clock.Now().UTC()} }}
}

// book is where the intent stands, whichever plan it holds.
func (a account) book(w steps.World, h *steps.Hands) *intentBook {
	b := &intentBook{cluster: w.Kube, namespace: a.namespace, name: a.name(), from: a.from, to: a.to}
	if h != nil {
		b.hands = h.Kube
	}
	return b
}

// purse looks into the wallets and sends.
type purse struct {
	account
	world   steps.World
	wallets steps.WalletWriter
}

var _ payment.Purse = (*purse)(nil)

// Look asks the sender's wallet for the tracking ID, and where it does not know it, for its lists and for whether its log goes back far enough.
// Every error is one of asking: what was not answered is not known.
func (p *purse) Look(ctx context.Context, in payment.Intent, n int) (payment.Observation, error) {
	o := payment.Observation{Now: p.world.Clock.Now()} // the ledger's own time is not asked; Splice nodes keep theirs close to it
	err := p.world.Apps.Validator(ctx, p.sender, func(v *svapp.Validator) error { return p.ask(ctx, v, in, n, &o) })
	if err != nil {
		return o, err
	}
	if o.Log, err = p.log(ctx); err != nil {
		return o, err
	}
	if in.Kind == payment.ByTransfer { // else the wallet tells what became of it
		o.Balances.Receiver, err = p.unlocked(ctx, p.receiver)
	}
	return o, err
}

func (p *purse) ask(ctx context.Context, v *svapp.Validator, in payment.Intent, n int, o *payment.Observation) error {
	if in.Kind == payment.ByTransfer {
		list, is, err := v.Transfers(ctx)
		if err != nil {
			return err
		}
		if !is {
			return noWallet(p.sender)
		}
		o.Listed, o.ListedContract = listed(list, in, n)
		b, is, err := v.Balance(ctx)
		if err != nil || !is {
			return err
		}
		o.Balances.Sender = amountOf(b.EffectiveUnlocked)
		return nil
	}
	state, known, err := v.OfferState(ctx, in.Tracks(n))
	if err != nil {
		return err
	}
	if known {
		o.Status, o.State, o.Failure, o.Reason, o.Contract = payment.Found, payment.State(state.Status), state.Failure, state.Reason, state.ContractID
		if _, begun := in.Last(n); begun {
			return nil
		}
		// Nothing is stored of it: only the lists tell of how much it is.
	} else {
		o.Status = payment.Missing
	}
	offers, is, err := v.Offers(ctx)
	if err != nil {
		return err
	}
	accepted, also, err := v.AcceptedOffers(ctx)
	if err != nil {
		return err
	}
	if !is || !also {
		return noWallet(p.sender)
	}
	open, contract := listed(offers, in, n)
	taken, takenContract := listed(accepted, in, n)
	switch {
	case open == payment.Silent || taken == payment.Silent:
	case taken == payment.Found:
		o.Listed, o.ListedAccepted, o.ListedContract = payment.Found, true, takenContract
	default:
		o.Listed, o.ListedContract = open, contract
	}
	if witness := in.Witness(n); witness != "" {
		_, remembers, err := v.OfferState(ctx, witness)
		if err != nil {
			return err
		}
		if !remembers {
			o.Lost = "it does not know " + witness + " either, which it knew before"
		}
	}
	return nil
}

// Send sends an attempt once.
func (p *purse) Send(ctx context.Context, in payment.Intent, a payment.Attempt) (payment.Sent, error) {
	pay := svapp.Payment{Receiver: in.To, Amount: svapp.Decimal(a.Amount.String()), Description: "SV recovery " + a.Tracking, Expires: a.Expires, TrackingID: a.Tracking}
	if in.Kind == payment.ByTransfer {
		t, err := p.wallets.Transfer(ctx, p.sender, pay)
		return payment.Sent{Contract: t.Instruction, Arrived: len(t.Holdings) > 0}, err
	}
	contract, err := p.wallets.Offer(ctx, p.sender, pay)
	return payment.Sent{Contract: contract}, err
}

// log tells the wallet's own log from another one: by the app's Deployment and the claims of its namespace, which are others where it was installed
// anew, and by the migration ID, for each of which it keeps a log of its own (read in upstream's store). A database outside the cluster that was
// emptied does not show; then an older tracking ID that is not known any more does.
func (p *purse) log(ctx context.Context) (string, error) {
	if p.sender.Workload == "" {
		return "", nil
	}
	w, found, err := p.world.Kube.Workload(ctx, kube.Deployment, p.sender.Namespace, p.sender.Workload)
	if err != nil {
		return "", err
	}
	if !found {
		return "", &steps.Problem{Tried: "looking at the recovery validator", Seen: "deployment " + p.sender.Namespace + "/" + p.sender.Workload + " is not there",
			Next: "It must run until every payment is completed: find out who removed it"}
	}
	claims, err := p.world.Kube.Claims(ctx, p.sender.Namespace)
	if err != nil {
		return "", err
	}
	uids := []string{fmt.Sprint(p.migration), w.UID}
	for _, c := range claims {
		uids = append(uids, c.UID)
	}
	slices.Sort(uids[2:])
	sum := sha256.Sum256([]byte(strings.Join(uids, " ")))
	return hex.EncodeToString(sum[:8]), nil
}

func (p *purse) unlocked(ctx context.Context, app steps.App) (*payment.Amount, error) {
	var amount *payment.Amount
	err := p.world.Apps.Validator(ctx, app, func(v *svapp.Validator) error {
		b, is, err := v.Balance(ctx)
		if err == nil && is {
			amount = amountOf(b.EffectiveUnlocked)
		}
		return err
	})
	return amount, err
}

func amountOf(d svapp.Decimal) *payment.Amount {
	a, err := payment.Parse(string(d))
	if err != nil {
		return nil
	}
	return &a
}

// offered is what a contract of an offer says. The fields were not verified (reference/apis.md 6.3); of transfers of the token standard no
// payload was read, so they are looked for under the same names and in a field "transfer".
type offered struct {
	Sender   string `json:"sender"`
	Receiver string `json:"receiver"`
	Tracking string `json:"trackingId"`
	Amount   coins  `json:"amount"`
	Meta     struct {
		Values json.RawMessage `json:"values"`
	} `json:"meta"`
	Transfer *offered `json:"transfer"`
}

// coins is an amount as a text, or as an object that has one.
type coins string

func (c *coins) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*c = coins(text)
		return nil
	}
	var in struct {
		Amount string `json:"amount"`
	}
	err := json.Unmarshal(b, &in)
	*c = coins(in.Amount)
	return err
}

// readOffer reads a contract; false where it is not of a shape that is known.
func readOffer(c svapp.Contract) (offered, bool) {
	var o offered
	if json.Unmarshal(c.Payload, &o) != nil {
		return offered{}, false
	}
	if o.Transfer != nil {
		o = *o.Transfer
	}
	return o, o.Sender != "" && o.Receiver != "" && o.Amount != ""
}

// is says whether an offer is the attempt that counts for payment n: by its tracking ID where it tells one, else by who pays whom how much.
func (o offered) is(in payment.Intent, n int) bool {
	amount := in.Planned(n)
	if a, ok := in.Last(n); ok {
		amount = a.Amount
	}
	told := amountOf(svapp.Decimal(o.Amount))
	if o.Sender != in.From || o.Receiver != in.To || told == nil || told.Cmp(amount) != 0 {
		return false
	}
	switch {
	case o.Tracking != "":
		return o.Tracking == in.Tracks(n)
	case strings.Contains(string(o.Meta.Values), "svrescue-"):
		return strings.Contains(string(o.Meta.Values), in.Tracks(n)+`"`)
	}
	return true
}

// listed looks a payment up in a list. Silent: something in the list cannot be read, so that it may be there.
func listed(list []svapp.Contract, in payment.Intent, n int) (payment.Answer, string) {
	unread := false
	for _, c := range list {
		o, ok := readOffer(c)
		switch {
		case !ok:
			unread = true
		case o.is(in, n):
			return payment.Found, c.ContractID
		}
	}
	if unread {
		return payment.Silent, ""
	}
	return payment.Missing, ""
}

// partyWords is a party in words: its name and its fingerprint apart.
func partyWords(party string) string {
	hint, fingerprint, is := strings.Cut(party, "::")
	if !is {
		return party
	}
	return fmt.Sprintf("%s, fingerprint %s", hint, fingerprint)
}
