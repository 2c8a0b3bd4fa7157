"""What Python's multiprocessing does when a process is killed: lines of situation, peer, outcome."""

import concurrent.futures, ctypes, mmap, multiprocessing, multiprocessing.pool, os, random, signal, struct, sys, time

HANG, HANGS, CHOSEN, RANDOM, NEAR, FAR = map(int, sys.argv[1:])
HANG /= 1e9
context = multiprocessing.get_context("fork")
random.seed(1)

class Page:
    """Words that forked processes share, without any lock."""

    def __init__(self, words):
        self.map = mmap.mmap(-1, 8 * words)
        self.words = (ctypes.c_uint64 * words).from_buffer(self.map)

    def __getitem__(self, at):
        return self.words[at]

    def __setitem__(self, at, value):
        self.words[at] = value

children = set()

def start(core, body, *args):
    pid = os.fork()
    if pid == 0:
        children.clear()
        signal.alarm(60)
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        os.sched_setaffinity(0, {core})
        try:
            body(*args)
        finally:
            os._exit(0)
    children.add(pid)
    return pid

def kill(pid, reap=True):
    if pid in children:
        os.kill(pid, signal.SIGKILL)
        if reap:
            os.waitpid(pid, 0)
            children.discard(pid)

def kill_all():
    for pid in list(children):
        kill(pid)

def asleep(pid):
    for look in range(2):
        time.sleep(0.002)
        for poll in range(1000):
            with open(f"/proc/{pid}/stat") as stat:
                if stat.read().rsplit(") ")[-1][0] == "S":
                    break
            time.sleep(0.0001)

def within(limit, is_so):
    end = time.monotonic() + limit
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.00002)
    return True

class Outcome:
    def __init__(self):
        self.kills = self.hangs = self.told = self.lost = 0
        self.times = []

    def note(self, time):
        self.kills += 1
        if time is None:
            self.hangs += 1
        else:
            self.times.append(time)

    def say(self, situation, peer):
        if self.hangs:
            text = f"hangs: {self.hangs} of {self.kills} kills"
        else:
            times = sorted(self.times)
            half, most = times[len(times) // 2] * 1e3, times[-1] * 1e3
            text = f"goes on after {half:.2f} ms (most {most:.2f}), {self.kills} kills"
        text += "; told" * bool(self.told)
        if self.lost:
            text += f"; {self.lost} items lost"
        print(situation, peer, text, sep="\t", flush=True)

def tries(count, body):
    """Calls `body` with a new world until there were enough kills, or hangs."""
    outcome = Outcome()
    while outcome.kills < count and outcome.hangs < HANGS:
        body(outcome)
        kill_all()
    return outcome

def waiter(lock, page):
    with lock:
        page[1] = time.monotonic_ns()
        page[0] = 1

def end(outcome, page, begin):
    ok = within(HANG, lambda: page[0] == 1)
    outcome.note((page[1] - begin) / 1e9 if ok else None)

def holder(new):
    def once(outcome):
        lock, page = new(), Page(3)

        def hold():
            with lock:
                page[2] = 1
                signal.pause()

        victim = start(NEAR, hold)
        assert within(5, lambda: page[2] == 1)
        asleep(start(FAR, waiter, lock, page))
        begin = time.monotonic_ns()
        kill(victim)
        end(outcome, page, begin)

    return tries(CHOSEN, once)

def lock_waiter(new, before):
    def once(outcome):
        lock, page, other = new(), Page(2), Page(2)
        os.sched_setaffinity(0, {NEAR})
        with lock:
            victim = start(NEAR, waiter, lock, other)
            asleep(victim)
            asleep(start(FAR, waiter, lock, page))
            begin = time.monotonic_ns()
            kill(victim, before)
        end(outcome, page, begin)

    return tries(CHOSEN, once)

def lock_user(new):
    def once(outcome):
        lock, page = new(), Page(2)

        def use(at):
            while True:
                with lock:
                    page[at] += 1

        start(FAR, use, 0)
        victim = start(NEAR, use, 1)
        while outcome.kills < RANDOM:
            time.sleep(random.random() / 1000)
            begin = time.monotonic()
            kill(victim)
            before = page[0], page[1]
            victim = start(NEAR, use, 1)
            ok = within(HANG, lambda: page[0] > before[0] and page[1] > before[1])
            outcome.note(time.monotonic() - begin if ok else None)
            if not ok:
                break

    return tries(RANDOM, once)

def woken(change, until, new, before):
    """Of two waiters the first is killed; the object stays the same."""

    def once(outcome):
        thing, page = new(), Page(4)
        os.sched_setaffinity(0, {FAR})

        def survive(nth):
            until(thing, lambda: page[0] >= nth)
            page[2] = time.monotonic_ns()
            page[1] = nth

        def alter(nth, victim):
            # It is the parent's child, not ours.
            os.kill(victim, signal.SIGKILL) if not before else None
            change(thing, page, nth)
            page[3] = nth

        while outcome.kills < CHOSEN:
            nth = outcome.kills + 1
            victim = start(NEAR, until, thing, lambda: page[0] >= nth)
            asleep(victim)
            asleep(start(FAR, survive, nth))
            if before:
                kill(victim)
            begin = time.monotonic_ns()
            start(NEAR, alter, nth, victim)
            ok = within(HANG, lambda: page[1] == nth and page[3] == nth)
            outcome.note((page[2] - begin) / 1e9 if ok else None)
            kill_all()
            if not ok:
                break

    return tries(CHOSEN, once)

def change_condition(condition, page, nth):
    with condition:
        page[0] = nth
        condition.notify(1)

def until_condition(condition, is_time):
    with condition:
        condition.wait_for(is_time)

def change_event(event, page, nth):
    page[0] = nth
    event.set()

def until_event(event, is_time):
    while not is_time():
        event.wait()
        event.clear()

ITEM = 32

def queue_user(is_producer):
    """Two producers, or two consumers, of which one is killed at random, and replaced."""
    items = 1 << 18

    def once(outcome):
        queue = context.Queue(64)
        put, got, heard, stop = Page(2 * items), Page(2 * items), Page(4), Page(3)

        def feed(role):
            # A number is used once, whoever of the role dies.
            while not stop[0]:
                number = stop[1 + role]
                stop[1 + role] = number + 1
                queue.put(struct.pack("QQ", role, number) * (ITEM // 2))
                put[2 * number + role] = 1

        def drain(role):
            while True:
                item = queue.get()
                who, number = struct.unpack_from("QQ", item)
                assert item == struct.pack("QQ", who, number) * (ITEM // 2)
                got[2 * number + who] += 1
                heard[who] += 1
                heard[2 + role] += 1

        start(FAR, drain if is_producer else feed, 1)
        side = feed if is_producer else drain
        start(FAR, side, 1)
        victim = start(NEAR, side, 0)
        at = 0 if is_producer else 2
        while outcome.kills < RANDOM:
            time.sleep(random.random() / 1000)
            begin = time.monotonic()
            kill(victim)
            before = heard[at], heard[at + 1]
            victim = start(NEAR, side, 0)
            ok = within(HANG, lambda: heard[at] > before[0] and heard[at + 1] > before[1])
            outcome.note(time.monotonic() - begin if ok else None)
            if not ok:
                return
        stop[0] = 1
        count = -1
        while count != heard[2] + heard[3]:
            count = heard[2] + heard[3]
            time.sleep(0.2)
        outcome.lost += sum(
            bool(put[at] and not got[at]) for at in range(2 * max(stop[1], stop[2]))
        )

    return tries(RANDOM, once)

def queue_sleeper(before):
    def once(outcome):
        queue, page, other = context.Queue(64), Page(2), Page(2)

        def get(page):
            queue.get()
            page[1] = time.monotonic_ns()
            page[0] = 1

        def put(victim):
            os.kill(victim, signal.SIGKILL) if not before else None
            queue.put(b"\7" * 256)
            queue.close()
            queue.join_thread()

        victim = start(NEAR, get, other)
        asleep(victim)
        asleep(start(FAR, get, page))
        if before:
            kill(victim)
        begin = time.monotonic_ns()
        start(NEAR, put, victim)
        end(outcome, page, begin)

    return tries(CHOSEN, once)

def die(x):
    os.kill(os.getpid(), signal.SIGKILL)

def own(x):
    return os.getpid()

def square(x):
    return x * x

def pool(idle):
    def once(outcome):
        pool = context.Pool(2)
        os.sched_setaffinity(0, {NEAR, FAR})
        try:
            while outcome.kills < CHOSEN:
                begin = time.monotonic()
                try:
                    if idle:
                        pid = pool.apply_async(own, (0,)).get(4 * HANG)
                        time.sleep(0.001)
                        os.kill(pid, signal.SIGKILL)
                    else:
                        pool.apply_async(die, (0,)).get(HANG)
                    for x in range(1, 5):
                        assert pool.apply_async(square, (x,)).get(4 * HANG) == x * x
                except multiprocessing.TimeoutError:
                    outcome.note(None)
                    return
                outcome.note(time.monotonic() - begin)
        finally:
            # The pool's own end may hang, too; its keeper would replace the dead.
            pool._worker_handler._state = multiprocessing.pool.TERMINATE
            pool._worker_handler.join(1)
            for worker in list(pool._pool):
                worker.kill()
                worker.join()

    return tries(CHOSEN, once)

def executor(idle):
    """Breaks by design; what counts is that it says so, and that a new one works."""

    def once(outcome):
        begin = time.monotonic()
        pool = concurrent.futures.ProcessPoolExecutor(2, mp_context=context)
        try:
            if idle:
                pid = pool.submit(own, 0).result(4 * HANG)
                time.sleep(0.001)
                os.kill(pid, signal.SIGKILL)
                for x in range(4):
                    pool.submit(square, x).result(4 * HANG)
            else:
                pool.submit(die, 0).result(4 * HANG)
        except concurrent.futures.process.BrokenProcessPool:
            outcome.told += 1
        except concurrent.futures.TimeoutError:
            outcome.note(None)
            return
        outcome.note(time.monotonic() - begin)
        pool.shutdown()

    return tries(CHOSEN, once)

ASLEEP, WOKEN = "waiter killed asleep", "waiter killed as it is woken"
ANY = "user killed at any instant"
BUSY, IDLE = "worker killed in a task", "idle worker killed"
for peer, new in (("Python Lock", context.Lock), ("Python Semaphore", lambda: context.Semaphore(1))):
    holder(new).say("holder killed", peer)
    lock_waiter(new, True).say(ASLEEP, peer)
    lock_waiter(new, False).say(WOKEN, peer)
    lock_user(new).say(ANY, peer)
for peer, change, until, new in (
    ("Python Condition", change_condition, until_condition, context.Condition),
    ("Python Event", change_event, until_event, context.Event),
):
    woken(change, until, new, True).say(ASLEEP, peer)
    woken(change, until, new, False).say(WOKEN, peer)
queue_user(True).say("producer killed at any instant", "Python Queue")
queue_user(False).say("consumer killed at any instant", "Python Queue")
queue_sleeper(True).say(ASLEEP, "Python Queue")
queue_sleeper(False).say(WOKEN, "Python Queue")
executor(False).say(BUSY, "Python ProcessPoolExecutor")
executor(True).say(IDLE, "Python ProcessPoolExecutor")
pool(False).say(BUSY, "Python Pool")
pool(True).say(IDLE, "Python Pool")
sys.stdout.flush()
# Threads of a pool that hangs would keep the program.
os._exit(0)
