"""One file per signal: definition, source, unit, null, examples."""

from spiritsafe.detection.signals.balance import Balance
from spiritsafe.detection.signals.base import Signal
from spiritsafe.detection.signals.clock import Clock
from spiritsafe.detection.signals.configuration import Configuration
from spiritsafe.detection.signals.coverage import Coverage
from spiritsafe.detection.signals.customer import Customer
from spiritsafe.detection.signals.discrepancy import Discrepancy
from spiritsafe.detection.signals.elicitation import Elicited
from spiritsafe.detection.signals.grader import Grader
from spiritsafe.detection.signals.growth import Growth
from spiritsafe.detection.signals.homogeneity import Homogeneity
from spiritsafe.detection.signals.pivot import Pivot
from spiritsafe.detection.signals.pool import Pool
from spiritsafe.detection.signals.rhythm import Rhythm
from spiritsafe.detection.signals.shape import Shape
from spiritsafe.detection.signals.sharding import Sharding
from spiritsafe.detection.signals.sharing import SharedDevice, SharedNetwork, SharedPayment, SharedSignup
from spiritsafe.detection.signals.signup import JointSignup
from spiritsafe.detection.signals.standing import Standing
from spiritsafe.detection.signals.turns import Turns

__all__ = ["SIGNALS", "Signal"]

SIGNALS: tuple[Signal, ...] = (
    Clock(),
    Rhythm(),
    Balance(),
    Homogeneity(),
    Sharding(),
    Pool(),
    Coverage(),
    Discrepancy(),
    Shape(),
    Growth(),
    SharedPayment(),
    SharedNetwork(),
    SharedDevice(),
    SharedSignup(),
    JointSignup(),
    Configuration(),
    Elicited(),
    Grader(),
    Turns(),
    Pivot(),
    Standing(),
    Customer(),
)
