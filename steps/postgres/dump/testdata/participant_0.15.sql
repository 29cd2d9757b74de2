--
-- PostgreSQL database dump
--

\restrict kCJNg02ZJkshIAuiA4jgh6QR4ZlfgavnQNNsgFAkzfNHgy5sghkCdsUAtQEyzQi

-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'SQL_ASCII';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: participant; Type: SCHEMA; Schema: -; Owner: cnadmin
--

CREATE SCHEMA participant;


ALTER SCHEMA participant OWNER TO cnadmin;

--
-- Name: debug(); Type: FUNCTION; Schema: participant; Owner: cnadmin
--

CREATE FUNCTION participant.debug() RETURNS text
    LANGUAGE plpgsql
    AS $$
begin
  -- text that only looks like a dump:
  return '
COPY participant.lapi_parameters (ledger_end, participant_id) FROM stdin;
999	nobody
\.
-- PostgreSQL database dump complete
';
end $$;


ALTER FUNCTION participant.debug() OWNER TO cnadmin;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: common_node_id; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.common_node_id (
    identifier character varying NOT NULL,
    namespace character varying NOT NULL
);


ALTER TABLE participant.common_node_id OWNER TO cnadmin;

--
-- Name: lapi_parameters; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.lapi_parameters (
    ledger_end bigint,
    participant_id character varying NOT NULL COLLATE pg_catalog."C",
    participant_pruned_up_to_inclusive bigint,
    ledger_end_sequential_id bigint,
    ledger_end_string_interning_id integer,
    ledger_end_publication_time bigint
);


ALTER TABLE participant.lapi_parameters OWNER TO cnadmin;

--
-- Name: med_response_aggregations; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.med_response_aggregations (
    request_id bigint NOT NULL,
    verdict bytea NOT NULL
);


ALTER TABLE participant.med_response_aggregations OWNER TO cnadmin;

--
-- Name: mediator_synchronizer_configuration; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.mediator_synchronizer_configuration (
    lock character(1) DEFAULT 'X'::bpchar NOT NULL,
    synchronizer_id character varying NOT NULL
);


ALTER TABLE participant.mediator_synchronizer_configuration OWNER TO cnadmin;

--
-- Name: par_contracts; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.par_contracts (
    contract_id bytea NOT NULL,
    instance bytea NOT NULL,
    note text
);


ALTER TABLE participant.par_contracts OWNER TO cnadmin;

--
-- Name: seq_block_height; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.seq_block_height (
    height bigint NOT NULL,
    latest_event_ts bigint NOT NULL,
    latest_sequencer_event_ts bigint
);


ALTER TABLE participant.seq_block_height OWNER TO cnadmin;

--
-- Name: sequencer_lower_bound; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.sequencer_lower_bound (
    single_row_lock character(1) DEFAULT 'X'::bpchar NOT NULL,
    ts bigint NOT NULL
);


ALTER TABLE participant.sequencer_lower_bound OWNER TO cnadmin;

--
-- Name: sequencer_members; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.sequencer_members (
    member character varying NOT NULL,
    id integer NOT NULL,
    registered_ts bigint NOT NULL,
    enabled boolean DEFAULT true NOT NULL
);


ALTER TABLE participant.sequencer_members OWNER TO cnadmin;

--
-- Name: sequencer_members_id_seq; Type: SEQUENCE; Schema: participant; Owner: cnadmin
--

CREATE SEQUENCE participant.sequencer_members_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE participant.sequencer_members_id_seq OWNER TO cnadmin;

--
-- Name: sequencer_members_id_seq; Type: SEQUENCE OWNED BY; Schema: participant; Owner: cnadmin
--

ALTER SEQUENCE participant.sequencer_members_id_seq OWNED BY participant.sequencer_members.id;


--
-- Name: sequencer_synchronizer_configuration; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.sequencer_synchronizer_configuration (
    lock character(1) DEFAULT 'X'::bpchar NOT NULL,
    synchronizer_id character varying NOT NULL
);


ALTER TABLE participant.sequencer_synchronizer_configuration OWNER TO cnadmin;

--
-- Name: sequencer_members id; Type: DEFAULT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.sequencer_members ALTER COLUMN id SET DEFAULT nextval('participant.sequencer_members_id_seq'::regclass);


--
-- Data for Name: common_node_id; Type: TABLE DATA; Schema: participant; Owner: cnadmin
--

COPY participant.common_node_id (identifier, namespace) FROM stdin;
\.


--
-- Data for Name: lapi_parameters; Type: TABLE DATA; Schema: participant; Owner: cnadmin
--

COPY participant.lapi_parameters (ledger_end, participant_id, participant_pruned_up_to_inclusive, ledger_end_sequential_id, ledger_end_string_interning_id, ledger_end_publication_time) FROM stdin;
62	sv-1	40	70	12	1760000000000000
\.


--
-- Data for Name: med_response_aggregations; Type: TABLE DATA; Schema: participant; Owner: cnadmin
--

COPY participant.med_response_aggregations (request_id, verdict) FROM stdin;
\.


--
-- Data for Name: mediator_synchronizer_configuration; Type: TABLE DATA; Schema: participant; Owner: cnadmin
--

COPY participant.mediator_synchronizer_configuration (lock, synchronizer_id) FROM stdin;
\.


--
-- Data for Name: par_contracts; Type: TABLE DATA; Schema: participant; Owner: cnadmin
--

COPY participant.par_contracts (contract_id, instance, note) FROM stdin;
\\xc4ca4238a0b923820dcc509a6f75849b	\\xabababababababababababababababababababab	a\\b\tc
\\xc81e728d9d4c2f636f067f89cc14862c	\\xabababababababababababababababababababab	a\\b\tc
\\xeccbc87e4b5ce2fe28308fd9f2a7baf3	\\xabababababababababababababababababababab	a\\b\tc
\\xa87ff679a2f3e71d9181a67b7542122c	\\xabababababababababababababababababababab	a\\b\tc
\\xe4da3b7fbbce2345d7772b0674a318d5	\\xabababababababababababababababababababab	a\\b\tc
\\x1679091c5a880faf6fb5e6087eb1b2dc	\\xabababababababababababababababababababab	a\\b\tc
\\x8f14e45fceea167a5a36dedd4bea2543	\\xabababababababababababababababababababab	a\\b\tc
\\xc9f0f895fb98ab9159f51fd0297e236d	\\xabababababababababababababababababababab	a\\b\tc
\\x45c48cce2e2d7fbdea1afc51c7c6ad26	\\xabababababababababababababababababababab	a\\b\tc
\\xd3d9446802a44259755d38e6d163e820	\\xabababababababababababababababababababab	a\\b\tc
\\x6512bd43d9caa6e02c990b0a82652dca	\\xabababababababababababababababababababab	a\\b\tc
\\xc20ad4d76fe97759aa27a0c99bff6710	\\xabababababababababababababababababababab	a\\b\tc
\\xc51ce410c124a10e0db5e4b97fc2af39	\\xabababababababababababababababababababab	a\\b\tc
\\xaab3238922bcc25a6f606eb525ffdc56	\\xabababababababababababababababababababab	a\\b\tc
\\x9bf31c7ff062936a96d3c8bd1f8f2ff3	\\xabababababababababababababababababababab	a\\b\tc
\\xc74d97b01eae257e44aa9d5bade97baf	\\xabababababababababababababababababababab	a\\b\tc
\\x70efdf2ec9b086079795c442636b55fb	\\xabababababababababababababababababababab	a\\b\tc
\\x6f4922f45568161a8cdf4ad2299f6d23	\\xabababababababababababababababababababab	a\\b\tc
\\x1f0e3dad99908345f7439f8ffabdffc4	\\xabababababababababababababababababababab	a\\b\tc
\\x98f13708210194c475687be6106a3b84	\\xabababababababababababababababababababab	a\\b\tc
\\x3c59dc048e8850243be8079a5c74d079	\\xabababababababababababababababababababab	a\\b\tc
\\xb6d767d2f8ed5d21a44b0e5886680cb9	\\xabababababababababababababababababababab	a\\b\tc
\\x37693cfc748049e45d87b8c7d8b9aacd	\\xabababababababababababababababababababab	a\\b\tc
\\x1ff1de774005f8da13f42943881c655f	\\xabababababababababababababababababababab	a\\b\tc
\\x8e296a067a37563370ded05f5a3bf3ec	\\xabababababababababababababababababababab	a\\b\tc
\\x4e732ced3463d06de0ca9a15b6153677	\\xabababababababababababababababababababab	a\\b\tc
\\x02e74f10e0327ad868d138f2b4fdd6f0	\\xabababababababababababababababababababab	a\\b\tc
\\x33e75ff09dd601bbe69f351039152189	\\xabababababababababababababababababababab	a\\b\tc
\\x6ea9ab1baa0efb9e19094440c317e21b	\\xabababababababababababababababababababab	a\\b\tc
\\x34173cb38f07f89ddbebc2ac9128303f	\\xabababababababababababababababababababab	a\\b\tc
\\xc16a5320fa475530d9583c34fd356ef5	\\xabababababababababababababababababababab	a\\b\tc
\\x6364d3f0f495b6ab9dcf8d3b5c6e0b01	\\xabababababababababababababababababababab	a\\b\tc
\\x182be0c5cdcd5072bb1864cdee4d3d6e	\\xabababababababababababababababababababab	a\\b\tc
\\xe369853df766fa44e1ed0ff613f563bd	\\xabababababababababababababababababababab	a\\b\tc
\\x1c383cd30b7c298ab50293adfecb7b18	\\xabababababababababababababababababababab	a\\b\tc
\\x19ca14e7ea6328a42e0eb13d585e4c22	\\xabababababababababababababababababababab	a\\b\tc
\\xa5bfc9e07964f8dddeb95fc584cd965d	\\xabababababababababababababababababababab	a\\b\tc
\\xa5771bce93e200c36f7cd9dfd0e5deaa	\\xabababababababababababababababababababab	a\\b\tc
\\xd67d8ab4f4c10bf22aa353e27879133c	\\xabababababababababababababababababababab	a\\b\tc
\\xd645920e395fedad7bbbed0eca3fe2e0	\\xabababababababababababababababababababab	a\\b\tc
\.


--
-- Data for Name: seq_block_height; Type: TABLE DATA; Schema: participant; Owner: cnadmin
--

COPY participant.seq_block_height (height, latest_event_ts, latest_sequencer_event_ts) FROM stdin;
\.


--
-- Data for Name: sequencer_lower_bound; Type: TABLE DATA; Schema: participant; Owner: cnadmin
--

COPY participant.sequencer_lower_bound (single_row_lock, ts) FROM stdin;
\.


--
-- Data for Name: sequencer_members; Type: TABLE DATA; Schema: participant; Owner: cnadmin
--

COPY participant.sequencer_members (member, id, registered_ts, enabled) FROM stdin;
\.


--
-- Data for Name: sequencer_synchronizer_configuration; Type: TABLE DATA; Schema: participant; Owner: cnadmin
--

COPY participant.sequencer_synchronizer_configuration (lock, synchronizer_id) FROM stdin;
\.


--
-- Name: sequencer_members_id_seq; Type: SEQUENCE SET; Schema: participant; Owner: cnadmin
--

SELECT pg_catalog.setval('participant.sequencer_members_id_seq', 1, false);


--
-- Name: common_node_id common_node_id_pkey; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.common_node_id
    ADD CONSTRAINT common_node_id_pkey PRIMARY KEY (identifier, namespace);


--
-- Name: med_response_aggregations med_response_aggregations_pkey; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.med_response_aggregations
    ADD CONSTRAINT med_response_aggregations_pkey PRIMARY KEY (request_id);


--
-- Name: mediator_synchronizer_configuration mediator_synchronizer_configuration_pkey; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.mediator_synchronizer_configuration
    ADD CONSTRAINT mediator_synchronizer_configuration_pkey PRIMARY KEY (lock);


--
-- Name: par_contracts par_contracts_pkey; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.par_contracts
    ADD CONSTRAINT par_contracts_pkey PRIMARY KEY (contract_id);


--
-- Name: seq_block_height seq_block_height_pkey; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.seq_block_height
    ADD CONSTRAINT seq_block_height_pkey PRIMARY KEY (height);


--
-- Name: sequencer_lower_bound sequencer_lower_bound_pkey; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.sequencer_lower_bound
    ADD CONSTRAINT sequencer_lower_bound_pkey PRIMARY KEY (single_row_lock);


--
-- Name: sequencer_members sequencer_members_id_key; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.sequencer_members
    ADD CONSTRAINT sequencer_members_id_key UNIQUE (id);


--
-- Name: sequencer_members sequencer_members_pkey; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.sequencer_members
    ADD CONSTRAINT sequencer_members_pkey PRIMARY KEY (member);


--
-- Name: sequencer_synchronizer_configuration sequencer_synchronizer_configuration_pkey; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.sequencer_synchronizer_configuration
    ADD CONSTRAINT sequencer_synchronizer_configuration_pkey PRIMARY KEY (lock);


--
-- PostgreSQL database dump complete
--

\unrestrict kCJNg02ZJkshIAuiA4jgh6QR4ZlfgavnQNNsgFAkzfNHgy5sghkCdsUAtQEyzQi

